//! Which of several generators: mix, any.

use fastrand::Rng;

use super::{Completion, Context, Generate, Generator, Next};

/// Each operation from one of `generators`, drawn evenly; those that are done drop out.
pub fn mix(generators: impl IntoIterator<Item = Generator>, seed: u64) -> Generator {
    Generator::new(Mix {
        generators: generators.into_iter().collect(),
        draw: Rng::with_seed(seed),
        chosen: None,
    })
}

/// Each operation from the first of `generators` that has one now.
pub fn any(generators: impl IntoIterator<Item = Generator>) -> Generator {
    Generator::new(Any {
        generators: generators.into_iter().collect(),
    })
}

/// The sooner of two times at which to ask again.
fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[derive(Clone, Debug)]
struct Mix {
    generators: Vec<Generator>,
    draw: Rng,
    /// Drawn, but not yet done: a pending choice is not drawn again, or whoever is asked often
    /// would favour those that are ready.
    chosen: Option<usize>,
}

impl Generate for Mix {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let mut after = self.clone();
        while !after.generators.is_empty() {
            let count = after.generators.len();
            let chosen = after.chosen.unwrap_or_else(|| after.draw.usize(..count));
            let (next, inner) = after.generators[chosen].next(context);
            after.chosen = None;
            match next {
                Next::Done => {
                    after.generators.swap_remove(chosen);
                    continue;
                }
                Next::Pending { .. } => after.chosen = Some(chosen),
                Next::Run(_) => {}
            }
            after.generators[chosen] = inner;
            return (next, Generator::new(after));
        }
        (Next::Done, Generator::done())
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let mut after = self.clone();
        for generator in &mut after.generators {
            *generator = generator.update(context, completion);
        }
        Some(Generator::new(after))
    }
}

/// See [`Generator::alongside`].
#[derive(Clone, Debug)]
pub(super) struct Alongside {
    pub(super) lead: Generator,
    pub(super) companion: Generator,
}

impl Generate for Alongside {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let (next, lead) = self.lead.next(context);
        let until = match next {
            Next::Pending { until } => until,
            Next::Run(_) => {
                return (
                    next,
                    Generator::new(Alongside {
                        lead,
                        companion: self.companion.clone(),
                    }),
                );
            }
            Next::Done => return (Next::Done, Generator::done()),
        };
        let (next, companion) = self.companion.next(context);
        let next = match next {
            Next::Run(_) => next,
            Next::Pending { until: other } => Next::Pending {
                until: sooner(until, other),
            },
            Next::Done => Next::Pending { until },
        };
        (next, Generator::new(Alongside { lead, companion }))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        Some(Generator::new(Alongside {
            lead: self.lead.update(context, completion),
            companion: self.companion.update(context, completion),
        }))
    }
}

#[derive(Clone, Debug)]
struct Any {
    generators: Vec<Generator>,
}

impl Generate for Any {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let mut generators = Vec::with_capacity(self.generators.len());
        let mut remaining = self.generators.iter();
        let mut again = None;
        for generator in remaining.by_ref() {
            let (next, inner) = generator.next(context);
            match next {
                Next::Run(_) => {
                    generators.push(inner);
                    generators.extend(remaining.cloned());
                    return (next, Generator::new(Any { generators }));
                }
                Next::Pending { until } => {
                    again = sooner(again, until);
                    generators.push(inner);
                }
                Next::Done => {}
            }
        }
        if generators.is_empty() {
            return (Next::Done, Generator::done());
        }
        (
            Next::Pending { until: again },
            Generator::new(Any { generators }),
        )
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let updated = self
            .generators
            .iter()
            .map(|inner| inner.update(context, completion));
        Some(Generator::new(Any {
            generators: updated.collect(),
        }))
    }
}
