//! Cells of a row.
//!
//! A row is the compact text of a JSON array, as the database itself wrote it. That is relied upon, so
//! that cells are found by their quotes and brackets alone; a damaged text gives odd cells, never
//! a panic.

use std::ops::Range;

/// Where the cells of a row are. It is used for row after row, so that its memory is.
#[derive(Clone, Debug, Default)]
pub struct Split {
    cells: Vec<Range<usize>>,
}

/// A row whose cells are known.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r, 's> {
    text: &'r [u8],
    cells: &'s [Range<usize>],
}

impl Split {
    /// Finds the first `count` cells of a row.
    pub fn row<'r>(&mut self, text: &'r [u8], count: usize) -> Row<'r, '_> {
        self.cells.clear();
        let mut from = 1;
        while self.cells.len() < count && from < text.len() {
            let end = end_of_cell(text, from);
            self.cells.push(from..end);
            from = end + 1;
        }
        Row {
            text,
            cells: &self.cells,
        }
    }
}

impl<'r> Row<'r, '_> {
    /// The text of a cell; `null` if there is none.
    #[must_use]
    pub fn cell(&self, column: usize) -> &'r [u8] {
        match self.cells.get(column) {
            Some(cell) => self.text.get(cell.clone()).unwrap_or(b"null"),
            None => b"null",
        }
    }
}

impl Row<'_, '_> {
    /// Adds the row with another text in place of one cell to the end of `out`. All cells up to this one
    /// must have been found.
    pub fn replace(&self, column: usize, cell: &[u8], out: &mut Vec<u8>) {
        let place = self.cells.get(column).cloned();
        let place = place.unwrap_or(self.text.len()..self.text.len());
        out.extend_from_slice(self.text.get(..place.start).unwrap_or_default());
        out.extend_from_slice(cell);
        out.extend_from_slice(self.text.get(place.end..).unwrap_or_default());
    }
}

/// The elements of an array's text, or the cells of a row's.
pub fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 1;
    std::iter::from_fn(move || {
        // At the end there is the closing bracket alone.
        if from + 1 >= text.len() && text.get(from).is_none_or(|byte| *byte == b']') {
            return None;
        }
        let end = end_of_cell(text, from);
        let element = text.get(from..end)?;
        from = end + 1;
        Some(element)
    })
}

/// Where the cell that begins at `from` ends.
fn end_of_cell(text: &[u8], from: usize) -> usize {
    match text.get(from) {
        Some(b'"') => end_of_text(text, from),
        Some(b'[') => {
            let mut at = from + 1;
            while let Some(byte) = text.get(at) {
                match byte {
                    b'"' => at = end_of_text(text, at),
                    b']' => return at + 1,
                    _ => at += 1,
                }
            }
            text.len()
        }
        _ => {
            let rest = &text[from.min(text.len())..];
            let end = memchr::memchr2(b',', b']', rest);
            from + end.unwrap_or(rest.len())
        }
    }
}

/// Where the text in quotes that begins at `from` ends.
fn end_of_text(text: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(text: &str) -> Vec<&str> {
        let cells = elements(text.as_bytes());
        cells
            .map(|cell| std::str::from_utf8(cell).unwrap())
            .collect()
    }

    #[test]
    fn cells_end_at_commas_that_are_outside_of_texts_and_arrays() {
        let text = r#"["a,\"]b",[1,"],",2],null,-1.5,"\\",[]]"#;
        let expected = [
            r#""a,\"]b""#,
            r#"[1,"],",2]"#,
            "null",
            "-1.5",
            r#""\\""#,
            "[]",
        ];
        assert_eq!(cells(text), expected);
        let mut split = Split::default();
        let row = split.row(text.as_bytes(), 3);
        assert_eq!(row.cell(1), expected[1].as_bytes());
        assert_eq!(row.cell(4), b"null", "it was not asked for");
        assert_eq!(cells("[]"), [""; 0]);
        let mut replaced = Vec::new();
        split
            .row(b"[1,[2],3]", 2)
            .replace(1, b"null", &mut replaced);
        assert_eq!(replaced, b"[1,null,3]");
    }

    proptest! {
        #[test]
        fn cells_are_those_of_any_reader_of_json(
            texts in prop::collection::vec(any::<String>(), 1..6),
            numbers in prop::collection::vec(any::<i64>(), 0..4),
        ) {
            let mut values: Vec<serde_json::Value> = texts.iter().cloned().map(Into::into).collect();
            values.push(texts.into());
            values.push(numbers.into());
            let text = serde_json::to_vec(&values).unwrap();
            let found: Vec<serde_json::Value> =
                elements(&text).map(|cell| serde_json::from_slice(cell).unwrap()).collect();
            prop_assert_eq!(&found, &values);
            let mut split = Split::default();
            let row = split.row(&text, values.len());
            for (column, value) in values.iter().enumerate() {
                prop_assert_eq!(row.cell(column), serde_json::to_vec(value).unwrap());
            }
        }

        #[test]
        fn nonsense_is_split_somehow(text: Vec<u8>, count in 0..9_usize) {
            let mut split = Split::default();
            let row = split.row(&text, count);
            let _ = row.cell(count / 2);
            let _ = elements(&text).count();
        }
    }
}
