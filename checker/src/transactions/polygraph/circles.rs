//! Circles of a polygraph, told as dependencies between transactions.

use super::super::cycles::without_points;
use super::super::graph::{Cause, Edge as Dependency, Kind, NO_CAUSE};
use super::super::rows::{ALONE, Rows, components};
use super::super::search::Refutation;
use super::Polygraph;
use super::edges::{Edge, Paths, Step, Why};
use crate::history::NEVER;

/// How many reasons are told for what is forced in a circle.
const REASONS_MAX: usize = 2;

/// What shows that the edges go in a circle: one over known edges only, if there is any.
pub(super) fn refutation(polygraph: &Polygraph<'_>, work: &mut u64) -> Refutation {
    let known = |edge: &Edge| edge.why == Why::Known;
    let circle = shortest(polygraph, known, work)
        .or_else(|| shortest(polygraph, |_| true, work))
        .unwrap_or_default();
    let mut circles = vec![told(polygraph, &circle)];
    let forced = circle.iter().filter(|edge| !known(edge));
    let reasons = forced.filter_map(|edge| reason(polygraph, edge, work));
    circles.extend(reasons.take(REASONS_MAX));
    Refutation {
        circles,
        certain: circle.iter().all(known),
    }
}

/// A circle over such edges that is as short as can be found quickly.
fn shortest(
    polygraph: &Polygraph<'_>,
    usable: impl Fn(&Edge) -> bool,
    work: &mut u64,
) -> Option<Vec<Edge>> {
    const STARTS_MAX: usize = 64;
    let edges = &polygraph.edges;
    let component = components(&Rows::collect(edges.nodes(), |add| {
        for edge in edges.list().iter().filter(|edge| usable(edge)) {
            add(edge.from, edge.to);
        }
    }))?;
    let inside = |edge: &Edge| {
        let of = component[edge.from as usize];
        of != ALONE && of == component[edge.to as usize] && usable(edge)
    };
    let all: Vec<&Edge> = edges.list().iter().filter(|edge| inside(edge)).collect();
    let mut paths = Paths::new(edges.nodes());
    let mut best: Option<Vec<Edge>> = None;
    for first in all.iter().step_by((all.len() / STARTS_MAX).max(1)) {
        let Some(path) = paths.between(edges, (first.to, first.from), inside, work) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| path.len() + 1 < best.len()) {
            let rest = path.iter().map(|number| edges.list()[*number as usize]);
            best = Some(std::iter::once(**first).chain(rest).collect());
        }
    }
    best
}

/// The circle to which the opposite of what is forced would lead.
fn reason(polygraph: &Polygraph<'_>, edge: &Edge, work: &mut u64) -> Option<Vec<Dependency>> {
    let Why::Forced { round } = edge.why else {
        return None;
    };
    let dependencies = polygraph.dependencies;
    let (after, _) = polygraph.transaction(edge.to)?;
    let before = match polygraph.transaction(edge.from) {
        Some((before, _)) if edge.step == Step::WriteWrite => {
            dependencies.write(before, edge.key)?
        }
        Some((by, _)) => read_of(polygraph, by, edge.key),
        None => polygraph.version(edge.from),
    };
    let after = dependencies.write(after, edge.key)?;
    let earlier = |edge: &Edge| match edge.why {
        Why::Known => true,
        Why::Forced { round: other } => other < round,
        Why::Guess(_) => false,
    };
    let mut paths = Paths::new(polygraph.edges.nodes());
    let circles = polygraph
        .following(edge.key, after, before)
        .filter_map(|(from, to, step)| {
            let path = paths.between(&polygraph.edges, (to, from), earlier, work)?;
            let mut circle = vec![Edge::alone(from, to, step, edge.key, edge.why)];
            let list = polygraph.edges.list();
            circle.extend(path.iter().map(|number| list[*number as usize]));
            Some(told(polygraph, &circle))
        });
    circles.min_by_key(Vec::len)
}

/// The version of an object that a transaction read before it wrote there.
fn read_of(polygraph: &Polygraph<'_>, at: u32, key: u32) -> u32 {
    let mut reads = polygraph.dependencies.reads.row(at).iter();
    let read = reads.find(|read| read.key == key);
    read.map_or(NEVER, |read| read.version)
}

/// A circle of edges as dependencies between transactions.
pub(super) fn told(polygraph: &Polygraph<'_>, circle: &[Edge]) -> Vec<Dependency> {
    let dependencies = polygraph.dependencies;
    let count = dependencies.len() as u32;
    let node = |node: u32| match polygraph.transaction(node) {
        Some((at, _)) => at,
        None => count + node.saturating_sub(polygraph.first_point()),
    };
    let write = |at: u32, key: u32| dependencies.write(at, key).unwrap_or(NEVER);
    let mut circle = circle.to_vec();
    let begin = circle.iter().position(|edge| edge.step != Step::Overwrites);
    circle.rotate_left(begin.unwrap_or(0));
    let mut told = Vec::with_capacity(circle.len());
    let mut reader = NEVER;
    for edge in &circle {
        let (from, to, key) = (node(edge.from), node(edge.to), edge.key);
        let (from, kind, before, after) = match edge.step {
            Step::Within => continue,
            Step::Reads => {
                reader = from;
                continue;
            }
            Step::Overwrites => {
                let before = polygraph.version(edge.from);
                (reader, Kind::ReadWrite, before, write(to, key))
            }
            Step::Replaces => {
                let before = read_of(polygraph, from, key);
                (from, Kind::ReadWrite, before, write(to, key))
            }
            Step::WriteWrite => (from, Kind::WriteWrite, write(from, key), write(to, key)),
            Step::WriteRead => (from, Kind::WriteRead, write(from, key), NEVER),
            Step::Process => (from, Kind::Process, NEVER, NEVER),
            Step::Realtime => (from, Kind::Realtime, NEVER, NEVER),
        };
        let cause = match kind {
            Kind::Process | Kind::Realtime => NO_CAUSE,
            _ => Cause { key, before, after },
        };
        told.push(Dependency {
            from,
            to,
            kind,
            cause,
        });
    }
    without_points(told, count as usize)
}
