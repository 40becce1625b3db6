//! The picture of a violation: a lane for each process, a bar for each operation, faults behind
//! them.
//!
//! Time is not to scale. Each beginning and end has the same room, so that operations of
//! milliseconds that lie seconds apart are seen side by side; their order is what the proof is
//! about, and the times are written below.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::anomaly::Operation;
use super::scale::{Width, picture};
use crate::html::escape;
use crate::verdict::{FaultOutcome, FaultRecord};

const LANE: f64 = 36.0;
const TOP: f64 = 24.0;
const RIGHT: f64 = 16.0;
/// A letter's width, about.
const LETTER: f64 = 6.4;
/// Times that are nearer to each other than this would be written over each other.
const TIME_ROOM: f64 = 58.0;

/// The picture in its two widths.
pub(super) fn draw(operations: &[Operation], faults: &[FaultRecord]) -> String {
    picture(|width| lanes(operations, faults, width))
}

/// An axis on which each event has the same room.
struct Axis {
    times: Vec<f64>,
    left: f64,
    step: f64,
}

impl Axis {
    fn of(operations: &[Operation], left: f64, right: f64) -> Axis {
        let begins = operations.iter().map(|operation| operation.begin_ns);
        let ends = operations.iter().filter_map(|operation| operation.end_ns);
        let mut times: Vec<f64> = begins.chain(ends).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let step = (right - left) / times.len().max(1) as f64;
        Axis { times, left, step }
    }

    /// The place of a time, between events in proportion; times beyond them are at the edges.
    fn at(&self, time: f64) -> f64 {
        let next = self.times.partition_point(|&known| known < time);
        let place = match (next.checked_sub(1), self.times.get(next)) {
            (None, _) => 0.0,
            (Some(before), None) => before as f64 + 1.0,
            (Some(before), Some(&after)) => {
                let from = self.times[before];
                before as f64 + (time - from) / (after - from)
            }
        };
        self.left + place * self.step
    }
}

fn lanes(operations: &[Operation], faults: &[FaultRecord], width: Width) -> String {
    let (left, right) = (width.left(), width.units() - RIGHT);
    let axis = Axis::of(operations, left + 6.0, right);
    let mut processes: BTreeMap<u64, usize> = BTreeMap::new();
    for operation in operations {
        let next = processes.len();
        processes.entry(operation.process).or_insert(next);
    }
    let bottom = TOP + LANE * processes.len() as f64 + 4.0;
    let mut svg = String::new();
    draw_faults(&mut svg, faults, &axis, bottom, right);
    draw_times(&mut svg, &axis, bottom);
    for (process, lane) in &processes {
        let y = TOP + *lane as f64 * LANE;
        let _ = writeln!(
            svg,
            "<line class=\"lane\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{}{process}</text>",
            y + LANE - 10.0,
            y + LANE - 10.0,
            left - 6.0,
            y + LANE - 6.0,
            if width == Width::Wide { "process " } else { "" }
        );
    }
    for operation in operations {
        let y = TOP + processes[&operation.process] as f64 * LANE;
        let from = axis.at(operation.begin_ns);
        let to = operation
            .end_ns
            .map_or(right, |end| axis.at(end))
            .max(from + 3.0);
        let class = match (operation.proof, operation.end_ns) {
            (false, _) => "op source",
            (_, None) => "op open",
            _ => "op",
        };
        // Words that would leave the picture end at the operation instead of beginning there.
        let room = operation.label.chars().count() as f64 * LETTER;
        let (x, anchor) = if from + room > right {
            (to.max(left + room).min(right), "end")
        } else {
            (from, "start")
        };
        let words = escape(&operation.label);
        let _ = writeln!(
            svg,
            "<g><title>{words}</title><rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"10\" rx=\"3\"/>\
             <text class=\"op {anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{words}</text></g>",
            y + LANE - 15.0,
            to - from,
            y + LANE - 19.0
        );
    }
    format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"the operations of the violation in their order\">\n{svg}</svg>\n",
        width.units(),
        bottom + 20.0
    )
}

fn draw_faults(svg: &mut String, faults: &[FaultRecord], axis: &Axis, bottom: f64, right: f64) {
    let (Some(&first), Some(&last)) = (axis.times.first(), axis.times.last()) else {
        return;
    };
    for (number, fault) in (1..).zip(faults) {
        let (start, end) = (fault.start_ms as f64 * 1e6, fault.end_ms as f64 * 1e6);
        if fault.outcome != FaultOutcome::Applied || start > last || end < first {
            continue;
        }
        let (from, to) = (axis.at(start), axis.at(end).min(right));
        let words = format!("fault {number}: {} {}", fault.name, fault.targets.join(" "));
        let room = (to - from) / LETTER;
        let shown = if words.chars().count() as f64 <= room {
            escape(&words)
        } else {
            number.to_string()
        };
        let _ = writeln!(
            svg,
            "<g><title>{}</title><rect class=\"band\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{bottom:.1}\"/>\
             <text class=\"fault start\" x=\"{:.1}\" y=\"13\">{shown}</text></g>",
            escape(&words),
            (to - from).max(1.0),
            from + 5.0
        );
    }
}

fn draw_times(svg: &mut String, axis: &Axis, bottom: f64) {
    let mut written = f64::MIN;
    let last = axis.times.len().saturating_sub(1);
    let last_x = axis.times.last().map_or(0.0, |&time| axis.at(time));
    for (number, &time) in axis.times.iter().enumerate() {
        let x = axis.at(time);
        let _ = writeln!(
            svg,
            "<line class=\"grid dotted\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>"
        );
        let fits = x - written >= TIME_ROOM && last_x - x >= TIME_ROOM;
        if fits || number == last {
            written = x;
            let _ = writeln!(
                svg,
                "<text class=\"axis middle\" x=\"{x:.1}\" y=\"{:.1}\">{:.3} s</text>",
                bottom + 14.0,
                time / 1e9
            );
        }
    }
}
