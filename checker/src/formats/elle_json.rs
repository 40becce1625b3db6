//! JSON objects in one array, as elle-cli reads them.

use super::beginning::{Beginning, is_json_object};
use super::input::Input;
use super::json_values::{self, Values};
use super::{Definition, ReadError, jsonl, loose};
use crate::history::Builder;
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "elle-json",
    what: "an array of JSON objects, one an event, as elle-cli reads it",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    let second = beginning.second();
    beginning.text.first() == Some(&b'[') && (is_json_object(second) || second == b"]")
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut values = Values::default();
    while let Some(length) = values.next(input)? {
        let text = &input.bytes()[..length];
        match jsonl::fast(&mut builder.history, text) {
            Some(event) => {
                builder.push_raw(&event);
            }
            None => {
                let json: serde_json::Value = serde_json::from_slice(text)
                    .map_err(|error| json_values::malformed(input, &error))?;
                loose::push(builder, Value::from(&json)).map_err(|what| input.malformed(0, what))?;
            }
        }
        input.consume(length);
    }
    Ok(())
}
