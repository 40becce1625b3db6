//! The rows of one partition as its owner has them at one moment: a text of lines. For each container there is
//! one that describes it and says how many rows there are, followed by the rows; the last one counts both, so
//! that a text that was cut is known.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A container and its rows, in the words of the text.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    /// The description, as it is given to create the container.
    pub(super) container: &'a str,
    /// The rows, each a JSON array.
    pub(super) rows: Vec<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    #[serde(borrow)]
    container: &'a RawValue,
    rows: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    containers: usize,
    rows: usize,
}

/// The containers and rows of a text.
///
/// # Errors
/// When it is none, or was cut.
pub(super) fn read(text: &str) -> Result<Vec<Part<'_>>> {
    let mut lines = text.lines().enumerate();
    let mut parts: Vec<Part<'_>> = Vec::new();
    loop {
        let Some((number, line)) = lines.next() else {
            bail!("it ends without the line that counts its rows: it was cut");
        };
        if let Ok(head) = serde_json::from_str::<Head<'_>>(line) {
            let rows: Vec<&str> = lines.by_ref().take(head.rows).map(|(_, row)| row).collect();
            if rows.len() < head.rows {
                bail!("it has {} rows of {}: it was cut", rows.len(), head.rows);
            }
            let container = head.container.get();
            parts.push(Part { container, rows });
            continue;
        }
        let line_number = number + 1;
        let end: End = serde_json::from_str(line).with_context(|| {
            format!("line {line_number} neither describes a container nor ends the text")
        })?;
        let rows: usize = parts.iter().map(|part| part.rows.len()).sum();
        if (end.containers, end.rows) != (parts.len(), rows) {
            bail!(
                "it has {} containers and {rows} rows, and says {} and {}",
                parts.len(),
                end.containers,
                end.rows
            );
        }
        if lines.next().is_some() {
            bail!("it goes on after its end, line {line_number}");
        }
        return Ok(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"container\":{\"container_name\":\"a\"},\"rows\":2}\n[1,\"x\"]\n[2,null]\n\
        {\"container\":{\"container_name\":\"b\"},\"rows\":0}\n{\"containers\":2,\"rows\":2}\n";

    #[test]
    fn what_was_written_is_read() {
        let parts = read(TEXT).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].container, "{\"container_name\":\"a\"}");
        assert_eq!(parts[0].rows, ["[1,\"x\"]", "[2,null]"]);
        assert!(parts[1].rows.is_empty());
        assert!(read("{\"containers\":0,\"rows\":0}\n").unwrap().is_empty());
    }

    #[test]
    fn whatever_is_missing_or_too_much_is_noticed() {
        let lines: Vec<&str> = TEXT.lines().collect();
        for missing in 0..lines.len() {
            let mut rest = lines.clone();
            rest.remove(missing);
            assert!(read(&rest.join("\n")).is_err(), "without line {missing}");
        }
        assert!(read(&format!("{TEXT}[3]\n")).is_err());
        assert!(read("").is_err());
    }
}
