//! `kensho maelstrom`: nodes in any language, under Maelstrom's protocol.

use anyhow::{Context, Result};
use kensho_maelstrom::command::{self, Arguments, WrongArguments};

use super::refusal::Refusal;

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let this = std::env::current_exe().context("cannot find this program")?;
    let guard = vec![this.display().to_string(), "run-with-parent".to_owned()];
    command::run(arguments, guard).map_err(|error| match error.downcast::<WrongArguments>() {
        Ok(wrong) => Refusal(wrong.0).into(),
        Err(error) => error,
    })
}
