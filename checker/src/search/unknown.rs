//! Which classes of unknown outcome have steps left, and which of them fit a state: as bits, since
//! the search asks that again and again.

use super::window::Window;
use super::{ILLEGAL, Machine, Nature};
use crate::history::NEVER;

/// For each state that came up, the classes that fit it.
pub(crate) struct Fitting {
    /// The classes that are no blind writes.
    seeing: Vec<u64>,
    /// Per state the place of its row, [`NEVER`] if it has none yet.
    places: Vec<u32>,
    /// Rows of pairs of words: which classes were asked whether they fit, and which of them do.
    rows: Vec<(u64, u64)>,
}

/// Room for so many states is made in the beginning.
const FEW: usize = 16;

impl Fitting {
    pub(crate) fn new(machine: &impl Machine, window: &Window) -> Fitting {
        let mut seeing = vec![0; window.unknown_count().div_ceil(64)];
        for unknown in 0..window.unknown_count() {
            if machine.nature(window.unknown_class(unknown as u32)) != Nature::Blind {
                seeing[unknown / 64] |= 1 << (unknown % 64);
            }
        }
        Fitting {
            places: Vec::with_capacity(FEW),
            rows: Vec::with_capacity(FEW * seeing.len()),
            seeing,
        }
    }

    /// The classes, among the word's 64, that are no blind writes.
    pub(crate) fn seeing(&self, word: usize) -> u64 {
        self.seeing[word]
    }

    /// Those of some classes, among the word's 64, that fit the state. Only those are asked: the
    /// states after the others may never be needed.
    pub(crate) fn among(
        &mut self,
        machine: &mut impl Machine,
        window: &Window,
        state: u32,
        word: usize,
        classes: u64,
    ) -> u64 {
        if classes == 0 {
            return 0;
        }
        let row = self.row(state);
        let (asked, fit) = &mut self.rows[row + word];
        let mut unasked = classes & !*asked;
        *asked |= classes;
        while unasked != 0 {
            let bit = unasked.trailing_zeros();
            unasked &= unasked - 1;
            let class = window.unknown_class(word as u32 * 64 + bit);
            if machine.apply(state, class) != ILLEGAL {
                *fit |= 1 << bit;
            }
        }
        *fit & classes
    }

    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * 4 + self.rows.capacity() * 16
    }

    fn row(&mut self, state: u32) -> usize {
        let state = state as usize;
        if state >= self.places.len() {
            self.places.resize(state + 1, NEVER);
        }
        let place = &mut self.places[state];
        if *place == NEVER {
            *place = (self.rows.len() / self.seeing.len()) as u32;
            self.rows
                .resize(self.rows.len() + self.seeing.len(), (0, 0));
        }
        *place as usize * self.seeing.len()
    }
}
