//! A report for readers: as a line, as text, and as a page with pictures.

mod cycle;
mod html;
mod text;
mod timeline;

pub use html::{html_fragment, html_fragment_with_faults, html_page, style};
pub use text::{line, text};
pub use timeline::FaultInterval;
