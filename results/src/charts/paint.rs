//! Shapes as SVG and as PNG, by plotters.

use std::sync::Once;

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::look::{Colour, HEIGHT, Mark, WIDTH};
use super::shape::{Anchor, FONT, Place, Shape, Text};

/// Points of a PNG for each unit, in each direction.
const PNG_SCALE: u32 = 2;
/// A PNG is painted so many times larger, and then reduced: that makes edges smooth.
const OVERSAMPLING: u32 = 2;
const FAMILY: &str = "sans-serif";

type Area<'a, B> = DrawingArea<B, Shift>;

fn size(scale: u32) -> (u32, u32) {
    (WIDTH as u32 * scale, HEIGHT as u32 * scale)
}

/// The font for measuring and painting must be known to plotters before the first text.
fn know_the_font() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        let known = register_font(FAMILY, FontStyle::Normal, FONT);
        assert!(known.is_ok(), "the font is part of the program");
    });
}

/// The picture as SVG, with text as text.
pub(super) fn svg(shapes: &[Shape]) -> Result<String> {
    know_the_font();
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, size(1)).into_drawing_area();
        paint(&area, shapes, 1.0)?;
    }
    Ok(picture)
}

/// The picture as PNG.
pub(super) fn png(shapes: &[Shape]) -> Result<Vec<u8>> {
    know_the_font();
    let large = size(PNG_SCALE * OVERSAMPLING);
    let mut pixels = vec![0xff; (large.0 * large.1 * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, large).into_drawing_area();
        paint(&area, shapes, f64::from(PNG_SCALE * OVERSAMPLING))?;
    }
    let (width, height) = size(PNG_SCALE);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().context("cannot encode a PNG")?;
    let reduced = reduce(&pixels, large.0 as usize);
    writer
        .write_image_data(&reduced)
        .context("cannot encode a PNG")?;
    writer.finish().context("cannot encode a PNG")?;
    Ok(file)
}

/// Each square of pixels becomes one, of their mean colour.
fn reduce(pixels: &[u8], width: usize) -> Vec<u8> {
    let by = OVERSAMPLING as usize;
    let (stride, height) = (width * 3, pixels.len() / 3 / width);
    let mut reduced = Vec::with_capacity(pixels.len() / by / by);
    for y in (0..height).step_by(by) {
        for x in (0..width).step_by(by) {
            for part in 0..3 {
                let square = (0..by).flat_map(|dy| (0..by).map(move |dx| (dx, dy)));
                let sum: usize = square
                    .map(|(dx, dy)| usize::from(pixels[(y + dy) * stride + (x + dx) * 3 + part]))
                    .sum();
                reduced.push(u8::try_from(sum / (by * by)).unwrap_or(u8::MAX));
            }
        }
    }
    reduced
}

fn paint<B: DrawingBackend>(area: &Area<'_, B>, shapes: &[Shape], scale: f64) -> Result<()> {
    let failed = |error: DrawingAreaErrorKind<B::ErrorType>| anyhow!("cannot paint: {error}");
    area.fill(&WHITE).map_err(failed)?;
    let place = |(x, y): Place| ((x * scale).round() as i32, (y * scale).round() as i32);
    for shape in shapes {
        match shape {
            Shape::Line {
                points,
                colour,
                width,
                dash,
            } => {
                let style =
                    colour_of(*colour).stroke_width((width * scale).round().max(1.0) as u32);
                for piece in dashes(points, *dash) {
                    let piece: Vec<(i32, i32)> = piece.into_iter().map(place).collect();
                    area.draw(&PathElement::new(piece, style)).map_err(failed)?;
                }
            }
            Shape::Area {
                corners,
                colour,
                opacity,
            } => {
                let corners: Vec<(i32, i32)> = corners.iter().copied().map(place).collect();
                let style = colour_of(*colour).mix(*opacity).filled();
                area.draw(&Polygon::new(corners, style)).map_err(failed)?;
            }
            Shape::Point {
                at,
                mark,
                colour,
                radius,
            } => {
                let style = colour_of(*colour).filled();
                if *mark == Mark::Circle {
                    let radius = (radius * scale).round() as i32;
                    area.draw(&Circle::new(place(*at), radius, style))
                        .map_err(failed)?;
                } else {
                    let corners = corners(*mark, *at, *radius);
                    let corners: Vec<(i32, i32)> = corners.into_iter().map(place).collect();
                    area.draw(&Polygon::new(corners, style)).map_err(failed)?;
                }
            }
            Shape::Text(text) => write(area, text, place(text.at), scale).map_err(failed)?,
        }
    }
    area.present().map_err(failed)
}

fn write<B: DrawingBackend>(
    area: &Area<'_, B>,
    text: &Text,
    at: (i32, i32),
    scale: f64,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let horizontal = match text.anchor {
        Anchor::Begin => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let style = (FAMILY, text.size * scale)
        .into_font()
        .color(&colour_of(text.colour))
        .pos(Pos::new(horizontal, VPos::Center));
    area.draw_text(&text.text, &style, at)
}

fn colour_of((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn corners(mark: Mark, (x, y): Place, radius: f64) -> Vec<Place> {
    match mark {
        Mark::Circle | Mark::Square => {
            let r = radius * 0.9;
            vec![
                (x - r, y - r),
                (x + r, y - r),
                (x + r, y + r),
                (x - r, y + r),
            ]
        }
        Mark::Triangle => {
            let r = radius * 1.2;
            vec![(x, y - r), (x + r, y + 0.8 * r), (x - r, y + 0.8 * r)]
        }
        Mark::Diamond => {
            let r = radius * 1.3;
            vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        }
    }
}

/// A line cut into its dashes.
fn dashes(points: &[Place], dash: Option<(f64, f64)>) -> Vec<Vec<Place>> {
    let Some((on, off)) = dash else {
        return vec![points.to_vec()];
    };
    let mut pieces = Vec::new();
    let mut piece: Vec<Place> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (
                x0 + (x1 - x0) * done / length,
                y0 + (y1 - y0) * done / length,
            );
            if drawing {
                piece.push(at);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![at];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if drawing {
            piece.push((x1, y1));
        }
    }
    if drawing && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_around_corners_and_keep_their_length() {
        let points = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)];
        let pieces = dashes(&points, Some((6.0, 2.0)));
        let length = |piece: &[Place]| -> f64 {
            piece
                .windows(2)
                .map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1))
                .sum()
        };
        let lengths: Vec<f64> = pieces.iter().map(|piece| length(piece)).collect();
        assert_eq!(lengths, [6.0, 6.0, 4.0]);
        assert_eq!(pieces[1], [(8.0, 0.0), (10.0, 0.0), (10.0, 4.0)]);
        assert_eq!(dashes(&points, None), [points.to_vec()]);
    }

    #[test]
    fn a_picture_has_its_size_and_its_words() {
        let text = Text {
            text: "12,345 puts/s".to_string(),
            at: (100.0, 100.0),
            anchor: Anchor::Begin,
            size: 20.0,
            colour: (0, 0, 0),
        };
        let shapes = [Shape::Text(text)];
        let svg = svg(&shapes).unwrap();
        assert!(
            svg.contains("12,345 puts/s") && svg.contains("width=\"800\""),
            "{svg}"
        );
        let png = png(&shapes).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&png));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; 1600 * 960 * 3];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (1600, 960));
        let dark = pixels.iter().filter(|&&part| part < 100).count();
        assert!(dark > 1_000, "text is painted: {dark}");
    }
}
