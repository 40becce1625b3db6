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
const LINE: usize = 44;
const MARGIN: usize = 120;

/// At most so many characters of a text stand in the diagram; all of it is shown when pointed at.
const LABEL_MAX: usize = 64;

impl Story {
    /// The story as a sequence diagram: a column for each that takes part, time downwards.
    #[must_use]
    pub fn svg(&self) -> String {
        let width = 2 * MARGIN + LANE * self.lanes.len().saturating_sub(1);
        let height = 80 + LINE * (self.steps.len() + 2);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
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
                height - LINE
            );
        }
        for (number, step) in self.steps.iter().enumerate() {
            let y = 64 + LINE * number;
            self.draw(&mut svg, step, y);
        }
        let y = 64 + LINE * self.steps.len();
        let ending = escaped(&self.ending);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#b00\" \
             font-weight=\"bold\">{ending}</text>\n</svg>",
            width / 2
        );
        svg
    }

    fn draw(&self, svg: &mut String, step: &Step, y: usize) {
        let to = self.place(&step.at);
        let from = step.from.as_ref().map(|from| self.place(from));
        let label = escaped(&shortened(&step.text));
        let all = escaped(&step.text);
        let middle = from.map_or(to, |from| usize::midpoint(from, to));
        let _ = match from.filter(|from| *from != to) {
            Some(from) => writeln!(
                svg,
                "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"black\" \
                 marker-end=\"url(#head)\"/>"
            ),
            None => writeln!(svg, "<circle cx=\"{to}\" cy=\"{y}\" r=\"4\"/>"),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\"><title>{all}</title>{label}</text>",
            y - 8
        );
    }

    fn place(&self, name: &str) -> usize {
        let lane = self.lanes.iter().position(|lane| lane == name);
        MARGIN + LANE * lane.unwrap_or_default()
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LABEL_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(LABEL_MAX - 1).collect();
    format!("{start}…")
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
}
