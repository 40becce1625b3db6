//! The look: sizes, colours, dashes and marks; the same in every chart.
//!
//! Colours are those of Okabe and Ito, "Color Universal Design" (2008), which people with any kind
//! of colour blindness tell apart. Each comes with a dash and a mark of its own, so that a chart
//! reads in grey as well.

/// Red, green, blue.
pub(super) type Colour = (u8, u8, u8);

/// Width of a picture, in units of which a PNG has two for each.
pub(super) const WIDTH: f64 = 800.0;
/// Height of a picture.
pub(super) const HEIGHT: f64 = 480.0;
/// Free room around everything.
pub(super) const MARGIN: f64 = 24.0;

/// Size of the title.
pub(super) const TITLE: f64 = 23.0;
/// Size of what stands below the title.
pub(super) const SUBTITLE: f64 = 16.0;
/// Size of legends, names and values.
pub(super) const LABEL: f64 = 16.0;
/// Size of the numbers at axes, and of the note.
pub(super) const SMALL: f64 = 14.5;

pub(super) const INK: Colour = (0x1a, 0x1a, 0x1a);
pub(super) const QUIET_INK: Colour = (0x59, 0x59, 0x59);
pub(super) const GRID: Colour = (0xe2, 0xe2, 0xe2);
pub(super) const AXIS: Colour = (0x8c, 0x8c, 0x8c);
pub(super) const SHADE: Colour = (0xd5, 0x5e, 0x00);

/// What tells a series from the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hand {
    pub(super) colour: Colour,
    /// Lengths of dash and gap; none for a full line.
    pub(super) dash: Option<(f64, f64)>,
    pub(super) mark: Mark,
}

/// The form of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
}

const HANDS: [Hand; 6] = [
    Hand {
        colour: (0x00, 0x72, 0xb2),
        dash: None,
        mark: Mark::Circle,
    },
    Hand {
        colour: (0xe6, 0x9f, 0x00),
        dash: Some((9.0, 4.0)),
        mark: Mark::Square,
    },
    Hand {
        colour: (0x00, 0x9e, 0x73),
        dash: Some((3.0, 3.0)),
        mark: Mark::Triangle,
    },
    Hand {
        colour: (0xcc, 0x79, 0xa7),
        dash: Some((12.0, 3.0)),
        mark: Mark::Diamond,
    },
    Hand {
        colour: (0xd5, 0x5e, 0x00),
        dash: Some((6.0, 3.0)),
        mark: Mark::Circle,
    },
    Hand {
        colour: (0x56, 0xb4, 0xe9),
        dash: Some((2.0, 4.0)),
        mark: Mark::Square,
    },
];

/// How series number `number` of a chart is drawn, counted from 0.
pub(super) fn hand(number: usize) -> Hand {
    HANDS[number % HANDS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance((red, green, blue): Colour) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.039_28 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    #[test]
    fn text_can_be_read_on_white() {
        for ink in [INK, QUIET_INK] {
            assert!(1.05 / (luminance(ink) + 0.05) > 4.5);
        }
    }

    #[test]
    fn no_two_series_have_dash_and_mark_in_common() {
        for (number, one) in HANDS.iter().enumerate() {
            for other in &HANDS[..number] {
                assert!(
                    one.colour != other.colour && (one.dash, one.mark) != (other.dash, other.mark)
                );
            }
        }
    }
}
