//! Patterns of `LIKE`: `%` stands for any characters, `_` for one.

/// A pattern, ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Character(char),
    AnyOne,
    AnyMany,
}

impl Pattern {
    /// A pattern from its text; `None` if it ends with the escape character.
    pub(crate) fn new(text: &str, escape: Option<char>) -> Option<Self> {
        let mut pieces = Vec::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let piece = match character {
                escaping if Some(escaping) == escape => Piece::Character(characters.next()?),
                '%' => Piece::AnyMany,
                '_' => Piece::AnyOne,
                character => Piece::Character(character),
            };
            // Two of them say no more than one, and each costs.
            if piece != Piece::AnyMany || pieces.last() != Some(&Piece::AnyMany) {
                pieces.push(piece);
            }
        }
        Some(Pattern(pieces))
    }

    /// Whether it is the pattern of the whole text. The empty pattern is that of no text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let pieces = &self.0;
        if pieces.is_empty() {
            return false;
        }
        let (mut rest, mut place) = (text.chars(), 0);
        // After the last `%`: where to go on if what follows it does not match here.
        let mut again = None;
        loop {
            match pieces.get(place) {
                Some(Piece::AnyMany) => {
                    place += 1;
                    again = Some((rest.clone(), place));
                    continue;
                }
                Some(piece) => {
                    let mut after = rest.clone();
                    let matched = match (piece, after.next()) {
                        (Piece::Character(wanted), Some(found)) => *wanted == found,
                        (_, found) => found.is_some(),
                    };
                    if matched {
                        (rest, place) = (after, place + 1);
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((from, after_many)) = &mut again else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            (rest, place) = (from.clone(), *after_many);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word by word.
    fn defined(pieces: &[Piece], text: &[char]) -> bool {
        match (pieces, text) {
            ([], text) => text.is_empty(),
            ([Piece::AnyMany, pieces @ ..], text) => {
                (0..=text.len()).any(|from| defined(pieces, &text[from..]))
            }
            ([Piece::AnyOne, pieces @ ..], [_, text @ ..]) => defined(pieces, text),
            ([Piece::Character(one), pieces @ ..], [other, text @ ..]) => {
                one == other && defined(pieces, text)
            }
            (_, []) => false,
        }
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("_DB%", "RDBMS", true),
            ("_DB%", "RDB", true),
            ("_DB%", "ORDB", false),
            ("%", "", true),
            ("", "", false),
            ("a%b%c", "aXbYbZc", true),
            ("a%b%c", "aXbYbZ", false),
            ("_", "ä", true),
            ("_", "", false),
            ("A", "a", false),
        ] {
            let matched = Pattern::new(pattern, None).unwrap().matches(text);
            assert_eq!(matched, expected, "{pattern} {text}");
        }
        let escaped = Pattern::new("10$%", Some('$')).unwrap();
        assert!(escaped.matches("10%") && !escaped.matches("10$%"));
        assert_eq!(Pattern::new("10$", Some('$')), None);
    }

    proptest! {
        #[test]
        fn matching_is_as_defined(pattern in "[ab%_ä]{1,8}", text in "[abä]{0,10}") {
            let pattern = Pattern::new(&pattern, None).unwrap();
            let characters: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.matches(&text), defined(&pattern.0, &characters));
        }
    }
}
