//! A picture of messages: a line downwards for each node, an arrow for each message.
//!
//! Time runs downwards, an event a row, and is not to scale. Clients share a line. However many
//! messages there were, the picture is bounded.

use std::collections::BTreeMap;
use std::fmt::Write;

use kensho_results::html::escape;
use kensho_results::text::thousands;
use serde_json::Value;

use super::operations_of;
use crate::net::Address;
use crate::world::{Trace, Traced, Way};

/// So many messages are drawn.
const MESSAGES_MAX: usize = 80;
/// So many colours there are for types of messages.
const COLOURS: usize = 6;
const LANE_WIDTH: usize = 110;
const LEFT: usize = 84;
const TOP: usize = 40;
const ROW: usize = 15;

/// The picture with its introduction, as HTML; empty if there is nothing to draw.
pub(super) fn draw(trace: &Trace, anomalies: &[Value], nodes: &[String]) -> String {
    let (first, why) = first(trace, anomalies);
    let chosen: Vec<&Traced> = trace.messages[first..].iter().take(MESSAGES_MAX).collect();
    if chosen.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"intro\">{} of {} messages: those {why}. Time runs downwards, an event a row; \
         a dashed line is a message that did not arrive. Point at one to read it.</p>\n\
         <div class=\"messages\">{}</div>\n",
        chosen.len(),
        thousands(trace.all),
        picture(&chosen, nodes)
    )
}

/// Where to begin: with the first operation of the first anomaly from which on the last one is seen,
/// too, if their messages were kept. What a final read misses went wrong long before it.
fn first(trace: &Trace, anomalies: &[Value]) -> (usize, &'static str) {
    let before_main = usize::try_from(trace.before_main).unwrap_or(usize::MAX);
    let beginning = before_main.min(trace.messages.len());
    let place_at = |ns: u64| {
        let main = &trace.messages[beginning..];
        beginning + main.partition_point(|message| message.sent_ns < ns)
    };
    let mut operations: Vec<(usize, bool)> = anomalies
        .first()
        .into_iter()
        .flat_map(operations_of)
        .filter_map(|operation| {
            let place = place_at(operation["invoke_ns"].as_u64()?);
            Some((place, operation["f"] == "final-read"))
        })
        .filter(|(place, _)| *place < trace.messages.len())
        .collect();
    operations.sort_unstable();
    let (Some((earliest, _)), Some((last, is_final))) = (operations.first(), operations.last())
    else {
        return (beginning, "with which clients began");
    };
    if *is_final {
        return (
            *earliest,
            "from the first operation of the first anomaly on",
        );
    }
    let seen_with_last = |place: &usize| last - place < MESSAGES_MAX * 3 / 4;
    let mut places = operations.iter().map(|(place, _)| *place);
    let place = places.find(seen_with_last).unwrap_or(*last);
    (place, "around the first anomaly")
}

/// Who has a line of his own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Clients,
    Other(Address),
}

impl Lane {
    fn of(address: Address) -> Lane {
        match address {
            Address::Client(_) => Lane::Clients,
            other => Lane::Other(other),
        }
    }
}

/// An end of an arrow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    ns: u64,
    /// At the same time messages arrive in the order in which they were sent, and arrive before
    /// others are sent.
    message: usize,
    ends: bool,
}

fn picture(messages: &[&Traced], nodes: &[String]) -> String {
    let mut lanes: Vec<Lane> = messages
        .iter()
        .flat_map(|message| [Lane::of(message.src), Lane::of(message.dest)])
        .collect();
    lanes.sort_unstable();
    lanes.dedup();
    let x = |address| {
        let lane = lanes.iter().position(|lane| *lane == Lane::of(address));
        LEFT + LANE_WIDTH / 2 + lane.unwrap_or(0) * LANE_WIDTH
    };
    let last = messages
        .iter()
        .map(|message| message.sent_ns)
        .max()
        .unwrap_or(0);
    let mut moments: Vec<Moment> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let (ns, message, ends) = (message.sent_ns, place, false);
        moments.push(Moment { ns, message, ends });
        if let Some((at, _)) = messages[place].ended.filter(|(at, _)| *at <= last) {
            let (ns, ends) = (at, true);
            moments.push(Moment { ns, message, ends });
        }
    }
    moments.sort_unstable();
    let rows: BTreeMap<(usize, bool), usize> = moments
        .iter()
        .enumerate()
        .map(|(row, moment)| ((moment.message, moment.ends), TOP + 20 + row * ROW))
        .collect();
    let bottom = TOP + 40 + moments.len() * ROW;
    let width = LEFT + lanes.len() * LANE_WIDTH;
    let mut svg = format!(
        "<svg width=\"{width}\" height=\"{bottom}\" viewBox=\"0 0 {width} {bottom}\" role=\"img\" aria-label=\"Messages between clients and nodes\">"
    );
    for (number, lane) in lanes.iter().enumerate() {
        let at = LEFT + LANE_WIDTH / 2 + number * LANE_WIDTH;
        let name = match lane {
            Lane::Clients => "clients".to_owned(),
            Lane::Other(address) => address.name(nodes),
        };
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{at}\" y=\"22\">{}</text><line class=\"life\" x1=\"{at}\" y1=\"{TOP}\" x2=\"{at}\" y2=\"{bottom}\"/>",
            escape(&name)
        );
    }
    let mut colours: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, message) in messages.iter().enumerate() {
        let known = colours.len();
        let colour = *colours.entry(request_of(&message.kind)).or_insert(known) % COLOURS;
        let began = rows[&(place, false)];
        let ended = rows.get(&(place, true)).copied();
        let arrived = matches!(message.ended, Some((_, Way::Received)));
        arrow(
            &mut svg,
            message,
            nodes,
            colour,
            [x(message.src), began, x(message.dest)],
            ended,
            arrived,
        );
        if place % 8 == 0 {
            let _ = write!(
                svg,
                "<text class=\"at\" x=\"{}\" y=\"{}\">{:.4} s</text>",
                LEFT - 8,
                began + 4,
                message.sent_ns as f64 / 1e9
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// A request and its answer have the same colour.
fn request_of(kind: &str) -> &str {
    kind.strip_suffix("_ok").unwrap_or(kind)
}

fn arrow(
    svg: &mut String,
    message: &Traced,
    nodes: &[String],
    colour: usize,
    [from, began, to]: [usize; 3],
    ended: Option<usize>,
    arrived: bool,
) {
    let end = ended.unwrap_or(began + 2 * ROW);
    // What did not arrive comes half the way.
    let to = match arrived {
        true => to,
        false => usize::midpoint(from, to),
    };
    let fate = match message.ended {
        Some((_, Way::Received)) => "",
        Some((_, Way::Cut)) => " (swallowed by a partition)",
        Some((_, Way::FoundNobody)) => " (the node was down)",
        None => " (did not arrive)",
    };
    let names = [message.src, message.dest].map(|address| address.name(nodes));
    let gone = if arrived { "" } else { " gone" };
    let _ = write!(
        svg,
        "<g class=\"message\"><title>{} → {}{fate}\n{}</title><path class=\"way c{colour}{gone}\" d=\"M{from} {began}L{to} {end}\"/>",
        escape(&names[0]),
        escape(&names[1]),
        escape(&message.body)
    );
    let head = if arrived {
        let back: i64 = if to > from { -6 } else { 6 };
        let tip = i64::try_from(to).unwrap_or_default();
        let y = i64::try_from(end).unwrap_or_default();
        format!(
            "<path class=\"way c{colour}\" d=\"M{} {}L{tip} {y}L{} {}\"/>",
            tip + back,
            y - 4,
            tip + back,
            y + 2
        )
    } else {
        format!("<text class=\"gone\" x=\"{to}\" y=\"{}\">×</text>", end + 4)
    };
    svg.push_str(&head);
    let middle = usize::midpoint(from, to);
    let height = usize::midpoint(began, end);
    let kind: String = message.kind.chars().take(20).collect();
    let _ = write!(
        svg,
        "<text class=\"middle\" x=\"{middle}\" y=\"{}\">{}</text></g>",
        height - 2,
        escape(&kind)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(sent_ns: u64, ended: Option<(u64, Way)>, src: Address, dest: Address) -> Traced {
        Traced {
            sent_ns,
            ended,
            src,
            dest,
            kind: "read".into(),
            body: "{\"type\":\"read\",\"text\":\"<&>\"}".into(),
        }
    }

    fn trace(count: u64) -> Trace {
        let messages = (0..count)
            .map(|number| {
                let way = if number % 3 == 0 {
                    Way::Cut
                } else {
                    Way::Received
                };
                traced(
                    number,
                    Some((number + 2, way)),
                    Address::Client(0),
                    Address::Node(1),
                )
            })
            .collect();
        Trace {
            messages,
            all: count,
            before_main: 2,
        }
    }

    #[test]
    fn however_many_messages_there_were_the_picture_is_bounded() {
        let nodes = ["n0".to_owned(), "n1".to_owned()];
        let html = draw(&trace(10_000), &[], &nodes);
        assert_eq!(html.matches("<g class=\"message\">").count(), MESSAGES_MAX);
        assert!(html.contains("80 of 10,000 messages: those with which clients began"));
        assert!(html.contains("swallowed by a partition"));
        assert!(!html.contains("<&>"));
        assert_eq!(draw(&Trace::default(), &[], &nodes), "");
    }

    #[test]
    fn it_begins_where_the_anomaly_shows() {
        let nodes = ["n0".to_owned(), "n1".to_owned()];
        let anomaly = serde_json::json!({"operations": [{"invoke_ns": 100}, {"invoke_ns": 500}]});
        let html = draw(&trace(1_000), std::slice::from_ref(&anomaly), &nodes);
        assert!(html.contains("around the first anomaly"));
        let (place, _) = first(&trace(1_000), &[anomaly]);
        assert_eq!(place, 500, "the first operation is too far away");
        let near = serde_json::json!({"operations": [{"invoke_ns": 500}, {"invoke_ns": 470}]});
        assert_eq!(first(&trace(1_000), &[near]).0, 470);
        let lost = serde_json::json!({"operations": [
            {"invoke_ns": 100, "f": "add"}, {"invoke_ns": 900, "f": "final-read"}]});
        assert_eq!(first(&trace(1_000), &[lost]).0, 100);
        let late = serde_json::json!({"operations": [{"invoke_ns": 5_000}]});
        let html = draw(&trace(1_000), &[late], &nodes);
        assert!(html.contains("with which clients began"));
    }
}
