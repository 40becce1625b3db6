//! The small models are explored to their end with every change.

#[cfg(feature = "break-rules")]
mod broken;
mod sound;
