//! One after another: sequence, phases, repeat, until ok.

use kensho_checker::history::Kind;

use super::{Completion, Context, Generate, Generator, Next, Thread};

/// All of the first one, then all of the second, …; without waiting for completions in between.
pub fn sequence(generators: impl IntoIterator<Item = Generator>) -> Generator {
    Generator::new(Sequence {
        generators: generators.into_iter().collect(),
        barrier: false,
    })
}

/// As [`sequence`], but a phase begins only when every thread is free.
pub fn phases(generators: impl IntoIterator<Item = Generator>) -> Generator {
    Generator::new(Sequence {
        generators: generators.into_iter().collect(),
        barrier: true,
    })
}

#[derive(Clone, Debug)]
struct Sequence {
    generators: Vec<Generator>,
    /// Whether what comes next waits until every thread is free.
    barrier: bool,
}

impl Generate for Sequence {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let mut rest = self.generators.as_slice();
        while let Some((first, others)) = rest.split_first() {
            let (next, inner) = first.next(context);
            if next == Next::Done {
                if self.barrier && !context.all_free() {
                    // Ask this phase again (it is done and stays so) when somebody has completed.
                    let waiting = Sequence {
                        generators: rest.to_vec(),
                        barrier: true,
                    };
                    return (Next::Pending { until: None }, Generator::new(waiting));
                }
                rest = others;
                continue;
            }
            let generators = [inner].into_iter().chain(others.iter().cloned()).collect();
            return (
                next,
                Generator::new(Sequence {
                    generators,
                    ..*self
                }),
            );
        }
        (Next::Done, Generator::done())
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let mut generators = self.generators.clone();
        let first = generators.first_mut()?;
        *first = first.update(context, completion);
        Some(Generator::new(Sequence {
            generators,
            ..*self
        }))
    }
}

/// See [`Generator::repeat`].
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    pub(super) inner: Generator,
}

impl Generate for Repeat {
    fn next(&self, context: &Context) -> (Next, Generator) {
        // What follows the first operation is thrown away: the first one comes again.
        let (next, _) = self.inner.next(context);
        (next, Generator::new(self.clone()))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        Some(Generator::new(Repeat {
            inner: self.inner.update(context, completion),
        }))
    }
}

/// See [`Generator::until_ok`].
#[derive(Clone, Debug)]
pub(super) struct UntilOk {
    pub(super) inner: Generator,
    /// Threads that perform an operation of this generator.
    pub(super) open: Vec<Thread>,
    pub(super) ok: bool,
}

impl Generate for UntilOk {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if self.ok {
            return (Next::Done, Generator::done());
        }
        let (next, inner) = self.inner.next(context);
        let mut after = UntilOk {
            inner,
            ..self.clone()
        };
        if let Next::Run(scheduled) = &next {
            after.open.push(scheduled.thread);
        }
        (next, Generator::new(after))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let mut after = self.clone();
        after.inner = self.inner.update(context, completion);
        if let Some(position) = after.open.iter().position(|&t| t == completion.thread) {
            after.open.swap_remove(position);
            after.ok |= completion.kind == Kind::Ok;
        }
        Some(Generator::new(after))
    }
}
