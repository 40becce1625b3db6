//! Rows of words below each other.

/// The rows as text: each column as wide as its longest word, numbers to the right.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let words = rows.iter().filter_map(|row| row.get(column));
        words.map(|word| word.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let to_the_right: Vec<bool> = (0..count)
        .map(|column| {
            let mut words = rows.iter().skip(1).filter_map(|row| row.get(column));
            words.all(|word| is_number(word) || word == "-")
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, word)| {
            let width = widths[column];
            match to_the_right[column] {
                true => format!("{word:>width$}"),
                false => format!("{word:<width$}"),
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_to_the_left_and_numbers_to_the_right() {
        let rows = [["node", "rows"], ["n1", "12,345"], ["n10", "-"]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.map(str::to_owned).to_vec()).to_vec();
        let expected = "node    rows\nn1    12,345\nn10        -\n";
        assert_eq!(columns(&rows), expected);
    }
}
