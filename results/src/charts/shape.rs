//! What a picture is made of. Lengths are in the units of [`look`](super::look), y downwards.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, ScaleFont};

use super::look::{Colour, Mark};

/// A place in the picture.
pub(super) type Place = (f64, f64);

/// One thing to be painted; later ones cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Line {
        points: Vec<Place>,
        colour: Colour,
        width: f64,
        dash: Option<(f64, f64)>,
    },
    Area {
        corners: Vec<Place>,
        colour: Colour,
        opacity: f64,
    },
    Point {
        at: Place,
        mark: Mark,
        colour: Colour,
        radius: f64,
    },
    Text(Text),
}

/// Words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    /// The middle of its height; horizontally as `anchor` says.
    pub(super) at: Place,
    pub(super) anchor: Anchor,
    pub(super) size: f64,
    pub(super) colour: Colour,
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Begin,
    Middle,
    End,
}

/// Noto Sans; see the licence beside it.
pub(super) const FONT: &[u8] = include_bytes!("../../fonts/NotoSans-Latin.ttf");

/// How wide a text is.
pub(super) fn width(text: &str, size: f64) -> f64 {
    static PARSED: OnceLock<FontRef<'static>> = OnceLock::new();
    let font = PARSED
        .get_or_init(|| FontRef::try_from_slice(FONT).expect("the font is part of the program"));
    let font = font.as_scaled(size as f32);
    let advances = text
        .chars()
        .map(|letter| font.h_advance(font.glyph_id(letter)));
    f64::from(advances.sum::<f32>())
}

#[cfg(test)]
impl Text {
    /// Left, top, right and bottom of what it covers.
    pub(super) fn bounds(&self) -> (f64, f64, f64, f64) {
        let width = width(&self.text, self.size);
        let left = match self.anchor {
            Anchor::Begin => self.at.0,
            Anchor::Middle => self.at.0 - width / 2.0,
            Anchor::End => self.at.0 - width,
        };
        let half = self.size * 0.4;
        (left, self.at.1 - half, left + width, self.at.1 + half)
    }
}

/// Breaks a text into lines no wider than `limit`, between words.
pub(super) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_and_broken_between_words() {
        assert!(width("mmm", 16.0) > width("iii", 16.0) * 2.0);
        assert!((width("ab", 32.0) - 2.0 * width("ab", 16.0)).abs() < 0.01);
        let lines = wrap("one two three four", 16.0, width("one two", 16.0) + 1.0);
        assert_eq!(lines, ["one two", "three", "four"]);
    }
}
