//! Geometries as well-known text: `POINT(1 2)`, `LINESTRING(0 0,1 1)`, `POLYGON((0 0,1 0,1 1,0 0))`,
//! `POLYHEDRALSURFACE(((…)),((…)))`, each with `EMPTY` in place of its coordinates if it has none, and with
//! an SRID after a semicolon if it has one: `POINT(1 2;4326)`. Coordinates are two or three numbers.

use winnow::ascii::{Caseless, digit1, float, multispace0, multispace1};
use winnow::combinator::{alt, delimited, opt, preceded, repeat, separated};
use winnow::error::ErrMode;
use winnow::prelude::*;

type Read<T> = ModalResult<T, ()>;

/// Whether a text is a geometry that a column takes.
#[must_use]
pub fn is_geometry(text: &str) -> bool {
    delimited(multispace0, geometry, multispace0)
        .parse(text)
        .is_ok()
}

fn geometry(input: &mut &str) -> Read<()> {
    let mut shape = alt((
        Caseless("POINT").value(0_usize),
        Caseless("LINESTRING").value(1),
        Caseless("POLYGON").value(2),
        Caseless("POLYHEDRALSURFACE").value(3),
    ));
    let depth = shape.parse_next(input)?;
    multispace0.parse_next(input)?;
    let srid = opt((';', multispace0, opt('-'), digit1, multispace0)).void();
    let inside = alt((Caseless("EMPTY").void(), |input: &mut &str| {
        coordinates(input, depth)
    }));
    ('(', multispace0, inside, multispace0, srid, ')')
        .void()
        .parse_next(input)
}

/// Positions in as many lists of lists as the shape has.
fn coordinates(input: &mut &str, depth: usize) -> Read<()> {
    let comma = |input: &mut &str| {
        delimited(multispace0, ',', multispace0)
            .void()
            .parse_next(input)
    };
    match depth {
        0 => position(input),
        1 => separated::<_, _, (), _, _, _, _>(2.., position, comma).parse_next(input),
        depth => {
            let inner = |input: &mut &str| {
                let list = |input: &mut &str| coordinates(input, depth - 1);
                delimited(('(', multispace0), list, (multispace0, ')')).parse_next(input)
            };
            separated::<_, _, (), _, _, _, _>(1.., inner, comma).parse_next(input)
        }
    }
}

fn position(input: &mut &str) -> Read<()> {
    number(input)?;
    repeat::<_, _, (), _, _>(1..=2, preceded(multispace1, number)).parse_next(input)
}

fn number(input: &mut &str) -> Read<()> {
    let number: f64 = float.parse_next(input)?;
    match number.is_finite() {
        true => Ok(()),
        false => Err(ErrMode::Backtrack(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn geometries_are_known() {
        for text in [
            "POINT(1 2)",
            "point ( -1.5 2e3 7 )",
            "LINESTRING(0 0,1 1,2 2)",
            "LINESTRING(EMPTY)",
            "POLYGON((0 0,10 0,10 10,0 10,0 0))",
            "POLYGON((0 0,10 0,10 10,0 10,0 0);4326)",
            "POLYGON((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
            "POLYHEDRALSURFACE(((0 0 0, 0 1 0, 1 1 0, 0 0 0)), ((0 0 0, 0 1 0, 0 1 1, 0 0 0)))",
        ] {
            assert!(is_geometry(text), "{text}");
        }
        for text in [
            "",
            "POINT",
            "POINT()",
            "POINT(1)",
            "POINT(1 2 3 4)",
            "POINT(1 2",
            "POINT(1 2) x",
            "POINT(1,2)",
            "POINT(NaN 1)",
            "POINT(inf 1)",
            "LINESTRING(0 0)",
            "POLYGON(0 0,1 1)",
            "CIRCLE(0 0)",
            "POINT(1 2;x)",
        ] {
            assert!(!is_geometry(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_or_none(text in "[POINTLESGY(),;0-9 .e-]{0,40}") {
            let _ = is_geometry(&text);
        }
    }
}
