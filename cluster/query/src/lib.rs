//! Values of columns, and the query language over rows.
//!
//! - [`types`]: what columns hold; [`timestamp`] and [`geometry`]: texts that are more than texts.
//! - [`row`]: a row is the text of a JSON array in column order; here it is split into cells without
//!   a copy. [`value`]: what a cell means, and how values compare.
//! - [`condition`]: conditions such as `id >= 50 and name like 'a%'`, checked against columns once and then
//!   evaluated on row after row. [`select`]: whole statements of TQL.
//!
//! Nothing here reads a clock, or depends on anything but its arguments: `NOW()` is handed in.

mod aggregate;
mod ast;
mod check;
pub mod condition;
mod evaluate;
mod functions;
pub mod geometry;
mod like;
mod parse;
pub mod row;
pub mod select;
pub mod timestamp;
pub mod types;
pub mod value;
mod wrong;

pub use aggregate::{Accumulator, Aggregate};
pub use wrong::{Code, Wrong};
