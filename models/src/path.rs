//! A way through a model as a list of numbers: which of the first states, and then which of all that
//! could happen. It takes no checker to go it again.

use stateright::Model;

/// The numbers of `actions`, from the first state from which they lead to one that is `wanted`.
pub fn numbers<M: Model>(
    model: &M,
    actions: &[M::Action],
    wanted: impl Fn(&M::State) -> bool,
) -> Option<Vec<usize>>
where
    M::Action: Clone + PartialEq,
{
    let begin = |(number, mut state): (usize, M::State)| {
        let mut path = vec![number];
        for action in actions {
            let mut enabled = Vec::new();
            model.actions(&state, &mut enabled);
            path.push(enabled.iter().position(|other| other == action)?);
            state = model.next_state(&state, action.clone())?;
        }
        wanted(&state).then_some(path)
    };
    model.init_states().into_iter().enumerate().find_map(begin)
}

/// Goes `path` again: what happens on it, and where it ends.
///
/// # Errors
/// When it leads nowhere; it belongs to another model, or another version of it.
pub fn follow<M: Model>(model: &M, path: &[usize]) -> Result<(Vec<M::Action>, M::State), String>
where
    M::Action: Clone,
{
    let nowhere = |step: usize| format!("step {step} leads nowhere in this model");
    let (first, rest) = path.split_first().ok_or("the path is empty")?;
    let mut state = model
        .init_states()
        .into_iter()
        .nth(*first)
        .ok_or_else(|| nowhere(0))?;
    let mut actions = Vec::new();
    for (step, number) in rest.iter().enumerate() {
        let mut enabled = Vec::new();
        model.actions(&state, &mut enabled);
        let action = enabled
            .get(*number)
            .cloned()
            .ok_or_else(|| nowhere(step + 1))?;
        let next = model.next_state(&state, action.clone());
        state = next.ok_or_else(|| nowhere(step + 1))?;
        actions.push(action);
    }
    Ok((actions, state))
}
