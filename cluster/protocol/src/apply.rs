//! What the protocol needs of the data that it replicates.

use std::fmt::Debug;
use std::hash::Hash;

use bytes::Bytes;

use crate::ids::Position;

/// The data of one partition: a deterministic function of the statements applied to it, in order.
/// Storage implements it with tables of rows, the models with a tiny register. Statements, queries,
/// outcomes and answers are bytes to the protocol.
pub trait Apply: Clone + Debug + Default + Eq + Hash {
    /// What takes a statement back.
    type Undo: Clone + Debug + Eq + Hash;

    /// Executes `statement`, which stands at `at` in the log. The outcome depends on nothing but the
    /// state and the arguments: every replica comes to the same one. A statement that makes no sense
    /// changes nothing, and has an outcome that says so.
    fn apply(&mut self, at: Position, statement: &Bytes) -> (Bytes, Self::Undo);

    /// What a caller is told of a statement's outcome. An outcome is kept for retries, so it should be
    /// small, and may name what is large; here the state adds that, if it still has it.
    fn tell(&self, _statement: &Bytes, outcome: Bytes) -> Bytes {
        outcome
    }

    /// Takes the last statement that was applied back.
    fn undo(&mut self, undo: Self::Undo);

    /// Answers `query` from the state as it is.
    fn read(&self, query: &Bytes) -> Bytes;

    /// The whole state as bytes.
    fn image(&self) -> Bytes;

    /// The state that [`Apply::image`] gave.
    ///
    /// # Errors
    /// When the bytes are no image.
    fn restore(image: &Bytes) -> Result<Self, ImageError>;
}

/// Bytes that should be a data image are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageError(pub String);

impl std::fmt::Display for ImageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a data image: {}", self.0)
    }
}

impl std::error::Error for ImageError {}
