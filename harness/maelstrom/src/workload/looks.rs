//! What clients saw when each of them looked once, to find out whether all nodes agree.

use super::Operation;

/// The looks of all clients in one round of a [finale](super::Finale); none before that begins.
#[derive(Debug)]
pub(super) struct Looks<T>(Vec<Look<T>>);

#[derive(Clone, Debug)]
struct Look<T> {
    asked: bool,
    /// None if there was no answer, or one that could not be read.
    seen: Option<T>,
}

impl<T> Look<T> {
    fn fresh() -> Look<T> {
        Look {
            asked: false,
            seen: None,
        }
    }
}

impl<T: PartialEq> Looks<T> {
    /// Nobody looks yet.
    pub(super) fn none() -> Looks<T> {
        Looks(Vec::new())
    }

    /// So many clients are about to look.
    pub(super) fn begin(&mut self, clients: usize) {
        self.0 = (0..clients).map(|_| Look::fresh()).collect();
    }

    /// All of them look again.
    pub(super) fn round(&mut self) {
        self.0.fill_with(Look::fresh);
    }

    /// A read, if this client has not asked in this round.
    pub(super) fn ask(&mut self, client: usize) -> Option<Operation> {
        let asked = std::mem::replace(&mut self.0[client].asked, true);
        (!asked).then(|| Operation::new("read"))
    }

    /// What a client saw, if it is one that looks.
    pub(super) fn saw(&mut self, client: usize, seen: impl FnOnce() -> Option<T>) {
        if let Some(look) = self.0.get_mut(client) {
            look.seen = seen();
        }
    }

    /// What all of them saw, if it was the same.
    pub(super) fn agreed(&self) -> Option<&T> {
        let first = self.0.first()?.seen.as_ref()?;
        let same = |look: &Look<T>| look.seen.as_ref() == Some(first);
        self.0.iter().all(same).then_some(first)
    }
}
