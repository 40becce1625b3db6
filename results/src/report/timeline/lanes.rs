//! Violations, nodes with their faults and masters, and partitions with outages and changes.

use std::fmt::Write;

use super::super::anomaly::Anomaly;
use super::super::scale::Width;
use super::{Drawing, MARKS_MAX, NODE, Panel, fault_title, first_master, length_ms};
use crate::html::escape;
use crate::verdict::{FaultOutcome, InjectionKind};

impl Drawing<'_> {
    /// From the first to the last operation of each proof, and where each lost write was
    /// acknowledged.
    pub(super) fn violations(&mut self, panel: Panel, bottom: f64) {
        let verdict = self.verdict;
        for anomaly in verdict.anomalies.iter().take(MARKS_MAX) {
            let Some((first, last)) = Anomaly::of(anomaly).span_ns() else {
                continue;
            };
            let (from, to) = (self.time.at(first / 1e6), self.time.at(last / 1e6));
            let (y, high, wide) = (panel.top + 4.0, 8.0, (to - from).max(0.5));
            let title = escape(anomaly["name"].as_str().unwrap_or_default());
            self.put(format_args!(
                "<rect class=\"proof\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"><title>{title}</title></rect>\
                 <path class=\"violation\" d=\"M{to:.1},{:.1}V{bottom:.1}\"/>",
                panel.top
            ));
        }
        let writes = verdict
            .losses
            .by_failover
            .iter()
            .flat_map(|loss| &loss.writes);
        let mut path = String::new();
        for write in writes.take(MARKS_MAX) {
            let x = self.time.at(write.acknowledged_ms as f64);
            let _ = write!(path, "M{x:.1},{:.1}V{:.1}", panel.top, panel.bottom);
        }
        if !path.is_empty() {
            self.put(format_args!("<path class=\"lost\" d=\"{path}\"/>"));
        }
        let words = match (
            verdict.anomalies.is_empty(),
            verdict.losses.count,
            self.width,
        ) {
            (_, 0, _) => "<tspan class=\"t-unknown\">violations</tspan>",
            (true, ..) => {
                "<tspan class=\"t-unknown\">lost writes</tspan>, when they were confirmed"
            }
            (false, _, Width::Wide) => {
                "<tspan class=\"t-unknown\">violations</tspan>, and <tspan class=\"t-unknown\">lost writes</tspan> where they were confirmed"
            }
            (false, _, Width::Narrow) => {
                "<tspan class=\"t-unknown\">violations, lost writes</tspan>"
            }
        };
        self.heading(panel, words);
    }

    /// A lane for each node: faults that hit it, and when it was master.
    pub(super) fn nodes(&mut self, panel: Panel, names: &[String]) {
        let verdict = self.verdict;
        let (left, right) = (self.width.left(), self.right());
        for (lane, name) in names.iter().enumerate() {
            let middle = panel.top + lane as f64 * NODE + NODE / 2.0;
            self.label(middle, &escape(name));
            self.put_behind(format_args!(
                "<line class=\"lane\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
            ));
            for (number, fault) in (1..).zip(&verdict.faults).take(MARKS_MAX) {
                for injection in &fault.injections {
                    let hit = injection.outcome != FaultOutcome::Skipped
                        && injection.targets.contains(name);
                    if !hit {
                        continue;
                    }
                    let class = class(injection.kind);
                    let from = self.time.at(injection.at_ms as f64);
                    let wide = (self.time.at(fault.end_ms as f64) - from).max(1.0);
                    let title = escape(&fault_title(number, fault));
                    let (y, high) = (middle - NODE / 2.0 + 3.0, NODE - 6.0);
                    self.put(format_args!(
                        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"><title>{title}</title></rect>"
                    ));
                }
            }
        }
        self.masters(panel, names);
        let words = match self.width {
            Width::Wide => {
                "nodes: <tspan class=\"t-master\">master</tspan>, <tspan class=\"t-kill\">killed</tspan>, <tspan class=\"t-pause\">paused</tspan>, <tspan class=\"t-cut\">cut off or slow</tspan>, <tspan class=\"t-disk\">disk full</tspan>; shaded while a fault lasts"
            }
            Width::Narrow => {
                "<tspan class=\"t-master\">master</tspan>, <tspan class=\"t-kill\">killed</tspan>, <tspan class=\"t-pause\">paused</tspan>, <tspan class=\"t-cut\">cut off</tspan>, <tspan class=\"t-disk\">full</tspan>"
            }
        };
        self.heading(panel, words);
    }

    /// A line on the lane of whoever is master.
    fn masters(&mut self, panel: Panel, names: &[String]) {
        let verdict = self.verdict;
        let changes = verdict.failovers.iter();
        let changes = changes.filter(|change| change.partition.is_none());
        let mut reigns: Vec<(f64, Option<String>)> =
            vec![(0.0, first_master(verdict, self.master))];
        for change in changes.take(MARKS_MAX) {
            reigns.push((change.at_ms as f64, change.to.clone()));
        }
        let mut path = String::new();
        let mut before = None;
        for (number, (from, name)) in reigns.iter().enumerate() {
            let end = reigns
                .get(number + 1)
                .map_or(length_ms(verdict), |next| next.0);
            let lane = name
                .as_ref()
                .and_then(|name| names.iter().position(|known| known == name));
            let Some(lane) = lane else {
                before = None;
                continue;
            };
            let y = panel.top + lane as f64 * NODE + NODE / 2.0;
            let (from, to) = (self.time.at(*from), self.time.at(end));
            let start = if before.is_some() { 'V' } else { 'M' };
            if before.is_some() {
                let _ = write!(path, "{start}{y:.1}H{to:.1}");
            } else {
                let _ = write!(path, "{start}{from:.1},{y:.1}H{to:.1}");
            }
            before = Some(lane);
        }
        if !path.is_empty() {
            self.put(format_args!("<path class=\"master\" d=\"{path}\"/>"));
        }
    }

    /// A lane for each partition: outages, and changes of its owner.
    pub(super) fn partitions(&mut self, panel: Panel) {
        let verdict = self.verdict;
        let lanes = &verdict.figures.availability.noticeable;
        let height = (panel.bottom - panel.top) / lanes.len().max(1) as f64;
        let (left, wide) = (self.width.left(), self.right() - self.width.left());
        self.write(format_args!(
            "<rect class=\"edge\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"/>",
            panel.top,
            panel.bottom - panel.top
        ));
        let mut out = String::new();
        let outages = lanes
            .iter()
            .enumerate()
            .flat_map(|(id, lane)| lane.iter().map(move |outage| (id, outage)));
        for (id, outage) in outages.take(MARKS_MAX) {
            let y = panel.top + id as f64 * height;
            let from = self.time.at(outage.from_ms);
            let to = self.time.at(outage.from_ms + outage.ms).max(from + 0.8);
            let low = y + (height - 1.0).max(0.5);
            let _ = write!(out, "M{from:.1},{y:.1}H{to:.1}V{low:.1}H{from:.1}Z");
        }
        let mut changed = String::new();
        let changes = verdict.failovers.iter().take(MARKS_MAX);
        for change in changes {
            let Some(id) = change.partition else {
                continue;
            };
            let y = panel.top + f64::from(id) * height;
            let (x, low) = (
                self.time.at(change.at_ms as f64),
                y + (height - 1.0).max(0.5),
            );
            let _ = write!(changed, "M{x:.1},{y:.1}V{low:.1}");
        }
        self.put(format_args!(
            "<path class=\"outage\" d=\"{out}\"/><path class=\"change\" d=\"{changed}\"/>"
        ));
        for id in [0, lanes.len().saturating_sub(1)] {
            let y = panel.top + (id as f64 + 0.5) * height;
            self.label(y, &id.to_string());
        }
        let words = match self.width {
            Width::Wide => {
                "partitions: <tspan class=\"t-outage\">no answer for over 0.2 s</tspan>, <tspan class=\"t-change\">another owner</tspan>"
            }
            Width::Narrow => {
                "partitions: <tspan class=\"t-outage\">silent</tspan>, <tspan class=\"t-change\">another owner</tspan>"
            }
        };
        self.heading(panel, words);
    }
}

/// The class of a fault's mark on a node's lane.
fn class(kind: Option<InjectionKind>) -> &'static str {
    match kind {
        Some(InjectionKind::Kill | InjectionKind::Restart) => "kill",
        Some(InjectionKind::Pause) => "pause",
        Some(InjectionKind::Partition | InjectionKind::Delay) | None => "cut",
        Some(InjectionKind::Disk | InjectionKind::Copy | InjectionKind::Folder) => "disk",
    }
}
