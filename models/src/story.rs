//! A counterexample as people read it: who did what, in the words of the protocol, as lines of text
//! and as a sequence diagram.

use std::fmt::{self, Write};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who sent what arrives, if something arrives.
    pub from: Option<String>,
    /// To whom it happened.
    pub at: String,
    /// What.
    pub text: String,
}

/// What happened, in order, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Everybody to whom something can happen, from left to right.
    pub lanes: Vec<String>,
    /// What happened.
    pub steps: Vec<Step>,
    /// How it ends.
    pub ending: String,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            let number = number + 1;
            match &step.from {
                Some(from) => writeln!(f, "{number:>4}. {from} -> {}: {}", step.at, step.text)?,
                None => writeln!(f, "{number:>4}. {}: {}", step.at, step.text)?,
            }
        }
        writeln!(f, "      {}", self.ending)
    }
}

/// Sizes in the diagram, in pixels.
const LANE: usize = 260;
const MARGIN: usize = 150;
const TOP: usize = 34;
/// One line of words, and the room between the words of one step and the arrow of the one before.
const WORDS: usize = 14;
const GAP: usize = 24;
/// A letter's width, about.
const LETTER: usize = 6;

impl Story {
    /// The story as a sequence diagram: a column for each that takes part, time downwards.
    #[must_use]
    pub fn svg(&self) -> String {
        let width = 2 * MARGIN + LANE * self.lanes.len().saturating_sub(1);
        let mut drawn = String::new();
        let mut y = TOP;
        for (number, step) in (1..).zip(&self.steps) {
            y = self.draw(&mut drawn, number, step, y);
        }
        let height = y + 3 * GAP;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <style>text {{ paint-order: stroke; stroke: white; stroke-width: 4px }}</style>\n\
             <defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" \
             orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for (number, lane) in self.lanes.iter().enumerate() {
            let x = MARGIN + LANE * number;
            let name = escaped(lane);
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"24\" text-anchor=\"middle\" font-weight=\"bold\">{name}</text>\
                 <line x1=\"{x}\" y1=\"34\" x2=\"{x}\" y2=\"{}\" stroke=\"#bbb\"/>",
                height - GAP
            );
        }
        svg.push_str(&drawn);
        let ending = escaped(&self.ending);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#b00\" font-size=\"13\" \
             font-weight=\"bold\">{ending}</text>\n</svg>",
            width / 2,
            y + GAP + WORDS
        );
        svg
    }

    /// Draws one step below `above`; gives where it ends.
    fn draw(&self, svg: &mut String, number: usize, step: &Step, above: usize) -> usize {
        let to = self.place(&step.at);
        let from = step.from.as_ref().map(|from| self.place(from));
        let from = from.filter(|from| *from != to);
        let room = from.map_or(LANE, |from| from.abs_diff(to));
        let lines = wrapped(&step.text, room / LETTER);
        let y = above + GAP + WORDS * lines.len();
        let middle = from.map_or(to, |from| usize::midpoint(from, to));
        let _ = match from {
            Some(from) => writeln!(
                svg,
                "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"black\" \
                 marker-end=\"url(#head)\"/>"
            ),
            None => writeln!(svg, "<circle cx=\"{to}\" cy=\"{y}\" r=\"4\"/>"),
        };
        let _ = writeln!(
            svg,
            "<text x=\"24\" y=\"{}\" text-anchor=\"end\" fill=\"#777\">{number}</text>",
            y + 4
        );
        for (place, line) in lines.iter().rev().enumerate() {
            let _ = writeln!(
                svg,
                "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                y - 8 - WORDS * place,
                escaped(line)
            );
        }
        y
    }

    fn place(&self, name: &str) -> usize {
        let lane = self.lanes.iter().position(|lane| lane == name);
        MARGIN + LANE * lane.unwrap_or_default()
    }
}

/// The words of a text in lines of at most so many letters; a longer word has a line of its own.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_told_and_drawn() {
        let step = |from: Option<&str>, at: &str, text: &str| Step {
            from: from.map(str::to_owned),
            at: at.to_owned(),
            text: text.to_owned(),
        };
        let story = Story {
            lanes: vec!["n0".to_owned(), "n1".to_owned()],
            steps: vec![
                step(Some("n0"), "n1", "Append <1>"),
                step(None, "n1", "crashes"),
            ],
            ending: "durable-ack is violated".to_owned(),
        };
        assert_eq!(
            story.to_string(),
            "   1. n0 -> n1: Append <1>\n   2. n1: crashes\n      durable-ack is violated\n"
        );
        let svg = story.svg();
        assert_eq!(svg.matches("marker-end").count(), 1);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("Append &lt;1&gt;") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn long_words_are_wrapped_and_not_cut() {
        let lines = wrapped("Append { entries: [Entry 1, Entry 2] }", 18);
        assert_eq!(lines, ["Append { entries:", "[Entry 1, Entry 2]", "}"]);
        assert_eq!(wrapped("unbreakable", 4), ["unbreakable"]);
    }
}
