//! A picture of the operations of an anomaly in time: a lane for each process, a bar for each
//! operation, faults shaded.
//!
//! The axis is not to scale: each event gets the same room, so that operations that lie far apart
//! are still seen side by side. However large the history, the picture is bounded.

use super::html::escape;
use crate::history::{Fault, History, Kind, NEVER};
use crate::report::{Anomaly, OperationView, Role, Short, seconds};
use crate::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A time during which a fault was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultInterval {
    /// What was done, and to whom.
    pub name: String,
    /// When it began, in nanoseconds since the run began.
    pub start_ns: u64,
    /// When it ended; none if it lasted until the end.
    pub end_ns: Option<u64>,
}

impl FaultInterval {
    /// The intervals that the nemesis's lines of a history suggest: a line that begins with `stop`,
    /// `heal`, `resume`, `restart`, `recover`, `continue` or `end`, or whose value has a `phase` of
    /// that name, ends what is open; any other one begins something.
    ///
    /// Our own runs write `{"do": "inject", "fault": 3}` and `{"do": "heal", "fault": 3}` instead,
    /// each at the beginning and at the end of that: such a fault lasts from the first of these
    /// lines to the last.
    pub fn of(history: &History) -> Vec<FaultInterval> {
        const ENDS: [&str; 7] = [
            "stop", "heal", "resume", "restart", "recover", "continue", "end",
        ];
        let mut intervals: Vec<FaultInterval> = Vec::new();
        let mut by_number: BTreeMap<Value, usize> = BTreeMap::new();
        for fault in &history.faults {
            if let (Some(what), Some(number)) = (fault.value.get("do"), fault.value.get("fault")) {
                let at = *by_number.entry(number.clone()).or_insert(intervals.len());
                if at == intervals.len() {
                    intervals.push(FaultInterval {
                        name: fault.f.clone(),
                        start_ns: fault.time,
                        end_ns: None,
                    });
                }
                if what.as_text() == Some("heal") {
                    intervals[at].end_ns = Some(fault.time);
                } else if fault.value.get("injections").is_some() {
                    intervals[at].name = injected_name(fault);
                }
                continue;
            }
            // Waiting for the cluster to become whole is no fault.
            if fault.f == "settle" {
                continue;
            }
            let phase = fault
                .value
                .get("phase")
                .and_then(Value::as_text)
                .unwrap_or_default();
            let ends = |name: &str| ENDS.iter().any(|end| name.starts_with(end));
            // A signal called "stop" begins a fault if nothing is open.
            let open = intervals.iter().any(|interval| interval.end_ns.is_none());
            let closing = ends(phase) || (phase.is_empty() && ends(&fault.f) && open);
            let name = fault_name(fault);
            if closing {
                for interval in &mut intervals {
                    if interval.end_ns.is_none()
                        && (phase.is_empty() || interval.name.starts_with(&fault.f))
                    {
                        interval.end_ns = Some(fault.time);
                    }
                }
            } else if fault.kind != Kind::Ok
                && !intervals
                    .iter()
                    .any(|open| open.end_ns.is_none() && open.name == name)
            {
                intervals.push(FaultInterval {
                    name,
                    start_ns: fault.time,
                    end_ns: None,
                });
            }
        }
        intervals
    }
}

/// The name of one of our own faults, with all that it was done to.
fn injected_name(fault: &Fault) -> String {
    let injections = fault.value.get("injections").and_then(Value::elements);
    let mut names: Vec<&str> = injections
        .unwrap_or_default()
        .iter()
        .filter_map(|injection| injection.get("targets")?.elements())
        .flatten()
        .filter_map(Value::as_text)
        .collect();
    names.sort_unstable();
    names.dedup();
    format!("{} {}", fault.f, names.join(", "))
        .trim_end()
        .to_owned()
}

fn fault_name(fault: &Fault) -> String {
    match fault.value.get("targets").and_then(Value::elements) {
        Some(targets) => {
            let targets: Vec<String> = targets
                .iter()
                .map(|target| {
                    target
                        .as_text()
                        .map_or_else(|| target.to_string(), str::to_owned)
                })
                .collect();
            format!("{} {}", fault.f, targets.join(", "))
        }
        None => fault.f.clone(),
    }
}

const LANE: f64 = 46.0;
const LEFT: f64 = 118.0;
const TOP: f64 = 34.0;
/// How many operations that are not of the anomaly are shown around it, and beyond how many bars
/// there are none.
const CONTEXT_MAX: usize = 8;
const BARS_MAX: usize = 12;
/// The room between two events: at least, and so that a picture with few of them is not tiny.
const GAP: f64 = 26.0;
const AXIS_LENGTH: f64 = 860.0;
/// Where there is less room, pictures shrink to this width at least; then they are scrolled.
const SHRUNK_MIN: f64 = 800.0;
const LANES_MAX: usize = 16;

/// Per position among all events: where it is drawn, and its time.
type Axis = BTreeMap<u32, (f64, u64)>;

/// A letter's width, and how many of them a bar makes room for.
const LETTER: f64 = 6.9;
const LABEL_MAX: usize = 16;

struct Bar {
    view: OperationView,
    process: u32,
    /// Its number in the explanation; none if it is only there for context.
    number: Option<usize>,
    begin: u32,
    end: u32,
}

/// The picture of an anomaly.
pub(super) fn draw(history: &History, anomaly: &Anomaly, faults: &[FaultInterval]) -> String {
    let bars = bars(history, anomaly);
    if bars.is_empty() {
        return String::new();
    }
    let mut lanes: Vec<u32> = Vec::new();
    for bar in &bars {
        if !lanes.contains(&bar.process) {
            lanes.push(bar.process);
        }
    }
    lanes.sort_unstable();
    let (axis, right) = axis(&bars);
    let height = TOP + LANE * lanes.len() as f64 + 42.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg class="timeline" viewBox="0 0 {w:.0} {height:.0}" width="{w:.0}" height="{height:.0}" style="min-width:{least:.0}px" role="img" aria-label="{}">"#,
        escape(&anomaly.text),
        w = right + 12.0,
        least = (right + 12.0).min(SHRUNK_MIN),
    );
    if !history.times_go_back {
        draw_faults(&mut svg, faults, &axis, right, height);
    }
    for (number, lane) in lanes.iter().enumerate() {
        let name = history.process_name(*lane);
        let y = TOP + LANE * (number as f64 + 0.5);
        let _ = write!(
            svg,
            r#"<line class="lane" x1="{LEFT}" x2="{right:.0}" y1="{y:.0}" y2="{y:.0}"/><text class="process" x="{:.0}" y="{:.0}">{}</text>"#,
            LEFT - 12.0,
            y + 4.0,
            escape(&lane_name(&name)),
        );
    }
    draw_axis(&mut svg, &axis, height, !history.times_go_back);
    for bar in bars.iter().filter(|bar| bar.number.is_none()) {
        draw_bar(&mut svg, bar, &lanes, &axis, right);
    }
    for bar in bars.iter().filter(|bar| bar.number.is_some()) {
        draw_bar(&mut svg, bar, &lanes, &axis, right);
    }
    svg.push_str("</svg>");
    svg
}

/// What a lane is called: there is room for some letters only.
fn lane_name(process: &str) -> String {
    const LETTERS_MAX: usize = 14;
    if process.bytes().all(|digit| digit.is_ascii_digit()) && process.len() < 7 {
        return format!("process {process}");
    }
    match process.char_indices().nth(LETTERS_MAX) {
        None => process.to_owned(),
        Some((end, _)) => format!("{}…", &process[..end]),
    }
}

/// The place and the time of every begin and every known end, and where the axis ends. Between two
/// events there is as much room as the names on the bars need.
fn axis(bars: &[Bar]) -> (Axis, f64) {
    let mut times: BTreeMap<u32, u64> = BTreeMap::new();
    for bar in bars {
        times.insert(bar.begin, bar.view.invoke_ns);
        if bar.end != NEVER {
            times.insert(bar.end, bar.view.complete_ns.unwrap_or(0));
        }
    }
    let number = |position: u32| times.range(..position).count();
    let mut gaps = vec![GAP; times.len()];
    let mut spans: Vec<(usize, usize, f64)> = bars
        .iter()
        .map(|bar| {
            let width = label(&bar.view).chars().count().min(LABEL_MAX) as f64 * LETTER + 22.0;
            (number(bar.begin), number(bar.end), width)
        })
        .collect();
    spans.sort_by_key(|(from, to, _)| to - from);
    for (from, to, width) in spans {
        let to = to.clamp(from + 1, gaps.len());
        let missing = width - gaps[from..to].iter().sum::<f64>();
        if missing > 0.0 {
            for gap in &mut gaps[from..to] {
                *gap += missing / (to - from) as f64;
            }
        }
    }
    let stretch = (AXIS_LENGTH / gaps.iter().sum::<f64>()).clamp(1.0, 2.5);
    let mut x = LEFT + 14.0;
    let mut axis = Axis::new();
    for ((position, time), gap) in times.into_iter().zip(gaps) {
        axis.insert(position, (x, time));
        x += gap * stretch;
    }
    (axis, x)
}

/// The operations of the anomaly, and a few others of its key that were open meanwhile.
fn bars(history: &History, anomaly: &Anomaly) -> Vec<Bar> {
    let bar = |view: OperationView, number| {
        let operation = &history.operations[view.place as usize];
        Bar {
            begin: operation.invoke,
            end: operation.complete,
            process: operation.process,
            view,
            number,
        }
    };
    let mut bars: Vec<Bar> = Vec::new();
    let mut processes: Vec<u32> = Vec::new();
    for (number, view) in anomaly.operations.iter().enumerate() {
        let process = history.operations[view.place as usize].process;
        if !processes.contains(&process) {
            if processes.len() == LANES_MAX {
                continue;
            }
            processes.push(process);
        }
        bars.push(bar(view.clone(), Some(number + 1)));
    }
    let (Some(first), Some(last)) = (
        bars.iter().map(|bar| bar.begin).min(),
        bars.iter()
            .map(|bar| if bar.end == NEVER { bar.begin } else { bar.end })
            .max(),
    ) else {
        return bars;
    };
    let key = history.operations[bars[0].view.place as usize].key;
    // Around the last event of the proof it is the most interesting.
    let mut context: Vec<(u32, u32)> = history
        .operations
        .iter()
        .enumerate()
        .filter(|(place, operation)| {
            operation.key == key
                && operation.invoke >= first
                && operation.invoke <= last
                && (operation.complete <= last || operation.complete == NEVER)
                && !anomaly
                    .operations
                    .iter()
                    .any(|view| view.place as usize == *place)
        })
        .map(|(place, operation)| (last.abs_diff(operation.invoke), place as u32))
        .collect();
    context.sort_unstable();
    let room = BARS_MAX.saturating_sub(bars.len()).min(CONTEXT_MAX);
    for (_, place) in context.into_iter().take(room) {
        let view = OperationView::of(history, place, Role::Source);
        let process = history.operations[view.place as usize].process;
        if !processes.contains(&process) {
            if processes.len() == LANES_MAX {
                continue;
            }
            processes.push(process);
        }
        bars.push(bar(view, None));
    }
    bars
}

fn draw_faults(svg: &mut String, faults: &[FaultInterval], axis: &Axis, right: f64, height: f64) {
    let times: Vec<(u64, f64)> = axis.values().map(|(x, time)| (*time, *x)).collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return;
    };
    if last.0 == 0 {
        return;
    }
    let x_at = |time: u64| {
        let after = times.partition_point(|(at, _)| *at <= time);
        match (
            after.checked_sub(1).map(|before| times[before]),
            times.get(after),
        ) {
            (None, _) => LEFT,
            (Some(_), None) => right,
            (Some(before), Some(after)) => {
                let share = (time - before.0) as f64 / (after.0 - before.0).max(1) as f64;
                before.1 + share * (after.1 - before.1)
            }
        }
    };
    let shown = faults
        .iter()
        .filter(|fault| fault.start_ns <= last.0 && fault.end_ns.is_none_or(|end| end >= first.0));
    for (number, fault) in shown.take(6).enumerate() {
        let (from, to) = (x_at(fault.start_ns), fault.end_ns.map_or(right, x_at));
        let _ = write!(
            svg,
            r#"<rect class="fault" x="{from:.0}" y="6" width="{:.0}" height="{:.0}" rx="6"/><text class="fault-name" x="{:.0}" y="{:.0}">{}</text>"#,
            (to - from).max(3.0),
            height - 34.0,
            from + 7.0,
            20 + number % 2 * 12,
            escape(&fault.name),
        );
    }
}

fn draw_bar(svg: &mut String, bar: &Bar, lanes: &[u32], axis: &Axis, right: f64) {
    let lane = lanes
        .iter()
        .position(|lane| *lane == bar.process)
        .unwrap_or(0);
    let y = TOP + LANE * lane as f64 + 9.0;
    let unknown = bar.end == NEVER;
    let from = axis[&bar.begin].0;
    let to = if unknown { right } else { axis[&bar.end].0 };
    let kind = match bar.view.f.as_str() {
        "read" | "r" | "get" | "dequeue" => "reads",
        "cas" => "changes",
        _ => "writes",
    };
    let role = match (bar.number, bar.view.role) {
        (None, _) => "context",
        (_, Role::Source) => "source",
        (_, Role::Proof) => "proof",
    };
    let label = label(&bar.view);
    let letters = ((to - from - 14.0) / LETTER).max(0.0) as usize;
    let short: String = if label.chars().count() > letters.max(3) {
        label
            .chars()
            .take(letters.max(3) - 1)
            .chain("…".chars())
            .collect()
    } else {
        label.clone()
    };
    let _ = write!(
        svg,
        r#"<g class="operation {kind} {role}{}"><title>{}</title><rect class="under" x="{from:.1}" y="{y:.1}" width="{width:.1}" height="28" rx="7"/><rect x="{from:.1}" y="{y:.1}" width="{width:.1}" height="28" rx="7"/><text x="{:.1}" y="{:.1}">{}</text>"#,
        if unknown { " unknown" } else { "" },
        escape(&bar.view.to_string()),
        from + 9.0,
        y + 18.5,
        escape(&short),
        width = (to - from).max(10.0),
    );
    if let Some(number) = bar.number {
        let _ = write!(
            svg,
            r#"<circle class="badge" cx="{from:.1}" cy="{y:.1}" r="8.5"/><text class="badge" x="{from:.1}" y="{:.1}">{number}</text>"#,
            y + 3.6
        );
    }
    svg.push_str("</g>");
}

fn label(view: &OperationView) -> String {
    match (view.f.as_str(), &view.value) {
        ("cas", Value::List(pair)) if pair.len() == 2 => match &view.observed {
            None => format!("{} → {}", pair[0], pair[1]),
            Some(observed) => format!("saw {}: {} ↛ {}", Short(observed), pair[0], pair[1]),
        },
        ("" | "txn", _) => format!("T{}", view.invoke),
        (f, Value::Nil) if !matches!(f, "read" | "r" | "get") => f.to_owned(),
        (f, value) => format!("{f} {}", Short(value)),
    }
}

fn draw_axis(svg: &mut String, axis: &Axis, height: f64, ordered: bool) {
    let timed = ordered && axis.values().any(|(_, time)| *time > 0);
    let y = height - 24.0;
    let mut free_from = 0.0;
    for (position, (x, time)) in axis {
        let _ = write!(
            svg,
            r#"<line class="tick" x1="{x:.1}" x2="{x:.1}" y1="{:.0}" y2="{y:.0}"/>"#,
            TOP - 4.0
        );
        if *x < free_from {
            continue;
        }
        let text = if timed {
            format!("{} s", seconds(*time))
        } else {
            format!("#{position}")
        };
        free_from = x + text.len() as f64 * 6.4 + 10.0;
        let _ = write!(
            svg,
            r#"<text class="time" x="{x:.1}" y="{:.0}">{text}</text>"#,
            y + 16.0
        );
    }
}
