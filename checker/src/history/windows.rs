//! A history that is too large to be held: its operations are looked at window by window while it
//! is read, and those that nobody needs any more are forgotten.

use super::{Builder, Datum, History, RawEvent};
use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

/// How many operations are collected before they are looked at.
pub(crate) const WINDOW: usize = 1 << 16;

/// Looks at operations while a history is read.
pub(crate) trait Windows: Debug {
    /// Looks at all operations that the history holds at the moment: what was kept the last time
    /// comes first, in the same order. `open` says of each whether it has not ended yet.
    fn look(&mut self, history: &mut History, open: &[bool]) -> Next;

    /// Does this with each datum that it has kept for itself.
    fn each_datum(&mut self, call_anew: &mut dyn FnMut(&mut Datum));
}

/// What becomes of the operations that were looked at.
pub(crate) enum Next {
    /// Those that are marked are kept, and among them all that are open.
    Keep(Vec<bool>),
    /// All are kept from now on, and nobody looks any more.
    KeepAll,
    /// The rest need not be read.
    Stop,
}

/// What a builder knows of windows.
#[derive(Debug)]
pub(super) struct Watched {
    by: Option<Rc<RefCell<dyn Windows>>>,
    /// So many operations make a window.
    size: usize,
    /// There is a window when so many operations are held.
    pub(super) full_at: usize,
    /// How large the tables of values may become before they are cleared of what is not used.
    values_max: usize,
    pub(super) stopped: bool,
}

impl Default for Watched {
    fn default() -> Self {
        Watched {
            by: None,
            size: WINDOW,
            full_at: usize::MAX,
            values_max: 0,
            stopped: false,
        }
    }
}

impl Builder {
    /// From now on, these look at each window of so many operations.
    pub(crate) fn look_at_windows(&mut self, size: usize, windows: Rc<RefCell<dyn Windows>>) {
        self.watched = Watched {
            by: Some(windows),
            size,
            full_at: size,
            values_max: size,
            stopped: false,
        };
    }

    /// Whether nobody wants the rest of the history.
    pub(crate) fn stopped(&self) -> bool {
        self.watched.stopped
    }

    /// Lets somebody look at the window that is full, before this event is added to the next one.
    /// Returns the event, whose values may be called otherwise then.
    #[cold]
    pub(super) fn look_at_window(&mut self, mut event: RawEvent) -> RawEvent {
        self.watched.full_at = usize::MAX;
        let Some(windows) = self.watched.by.clone() else {
            return event;
        };
        let mut windows = windows.borrow_mut();
        let open = self.are_open();
        match windows.look(&mut self.history, &open) {
            Next::KeepAll => {}
            Next::Stop => self.watched.stopped = true,
            Next::Keep(kept) => {
                self.forget_others(&kept);
                let left = self.history.operations.len();
                self.watched.full_at = self.watched.size.max(2 * left);
                if self.history.value_count() > self.watched.values_max {
                    self.history.forget_unused_values(|call_anew| {
                        windows.each_datum(call_anew);
                        call_anew(&mut event.value);
                        event.observed.iter_mut().for_each(call_anew);
                    });
                    self.watched.values_max = self.watched.size + 2 * self.history.value_count();
                }
            }
        }
        event
    }

    /// Of each operation, whether it has not ended.
    fn are_open(&self) -> Vec<bool> {
        let mut open = vec![false; self.history.operations.len()];
        let large = self.open_large.values();
        for place in self.open.iter().chain(large) {
            if let Some(open) = open.get_mut(*place as usize) {
                *open = true;
            }
        }
        open
    }

    /// Forgets the operations that are not marked; the others move up.
    fn forget_others(&mut self, kept: &[bool]) {
        let moved = self.history.keep(kept);
        for place in (self.open.iter_mut()).chain(self.open_large.values_mut()) {
            if let Some(new) = moved.get(*place as usize) {
                *place = *new;
            }
        }
    }
}
