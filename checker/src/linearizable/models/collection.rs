//! What operations on queues and stacks have in common: something is put in, something is taken
//! out.

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::search::Nature;
use crate::unique::Part;
use crate::value::Value;

/// What an operation on a collection does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CollectionStep {
    /// Puts an element in.
    Put(Value),
    /// Takes this element out, which must be the next.
    Take(Value),
    /// Takes out whatever is next: the result is not known.
    TakeAny,
    /// Finds that there is nothing.
    Empty,
}

/// The names of the two operations.
pub(super) struct Names {
    pub(super) put: &'static [&'static str],
    pub(super) take: &'static [&'static str],
}

/// The step of an operation. One that succeeded and returned nothing found nothing.
pub(super) fn step(
    names: &Names,
    history: &History,
    operation: &Operation,
) -> Result<Option<CollectionStep>, String> {
    let name = history.name(operation.f);
    let takes = names.take.contains(&name);
    if !takes && !names.put.contains(&name) {
        let known = format!("{} and {}", names.put[0], names.take[0]);
        return Err(unknown_operation(history, operation, &known));
    }
    Ok(Some(match (takes, operation.outcome) {
        (false, _) => CollectionStep::Put(history.value(operation.argument)),
        (true, Outcome::Ok) if operation.result == Datum::NIL => CollectionStep::Empty,
        (true, Outcome::Ok) => CollectionStep::Take(history.value(operation.result)),
        (true, _) => CollectionStep::TakeAny,
    }))
}

/// The name of the violation when this operation fits no order; `wrong` if it took an element that
/// had been put in.
pub(super) fn anomaly(
    names: &Names,
    history: &History,
    operation: &Operation,
    wrong: AnomalyName,
) -> AnomalyName {
    if !names.take.contains(&history.name(operation.f)) {
        return AnomalyName::NotLinearizable;
    }
    if operation.result == Datum::NIL {
        return AnomalyName::EmptyThoughFull;
    }
    let put_in = history.operations.iter().any(|put| {
        put.key == operation.key
            && put.outcome != Outcome::Fail
            && put.invoke < operation.complete
            && put.argument == operation.result
            && names.put.contains(&history.name(put.f))
    });
    match put_in {
        true => wrong,
        false => AnomalyName::PhantomElement,
    }
}

/// What a step can do, whatever the state is.
pub(super) fn nature(step: &CollectionStep) -> Nature {
    match step {
        CollectionStep::Empty => Nature::Look,
        _ => Nature::Change,
    }
}

/// What a step does to any container.
pub(super) fn part(step: &CollectionStep) -> Part<'_> {
    match step {
        CollectionStep::Put(element) => Part::Insert(element),
        CollectionStep::Take(element) => Part::Remove(element),
        CollectionStep::TakeAny => Part::RemoveAny,
        CollectionStep::Empty => Part::Empty,
    }
}
