//! All that was seen of a key, as a tree of states: each is what was there before, with one more
//! part. And who can have written each of them.

use super::KeyValueStep;
use super::sequences::Sequences;
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::NEVER;
use crate::linearizable::Timed;

/// A state that was seen, or that what was seen went through.
#[derive(Clone, Copy)]
struct Node {
    label: u32,
    /// The state before it: its node plus one, or zero for the initial one.
    before: u32,
    /// The first return of a get that saw it or what came of it, and that get.
    first_return: u32,
    seen_by: u32,
}

#[derive(Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    numbers: FastMap<(u32, u32), u32>,
    /// The nodes of the sequence that was added last.
    last: Vec<u32>,
    /// Per get the state that it saw.
    seen: FastMap<u32, u32>,
}

/// Why states cannot have been written by the steps that there are: its name, and the nodes that
/// show it. None if that cannot be told.
type Refused = Option<(AnomalyName, Vec<u32>)>;

impl Trie {
    /// Adds what a get saw, of which the first `kept` labels are those of the sequence that was
    /// added before; returns the state.
    pub(super) fn add(&mut self, sequence: &[u32], kept: usize, get: u32, ret: u32) -> u32 {
        if sequence.is_empty() {
            // The last sequence stays the one to compare with.
            return 0;
        }
        self.last.truncate(kept);
        for label in &sequence[kept..] {
            let before = self.last.last().map_or(0, |node| node + 1);
            let next = self.nodes.len() as u32;
            let node = *self.numbers.entry((before, *label)).or_insert(next);
            if node == next {
                self.nodes.push(Node {
                    label: *label,
                    before,
                    first_return: NEVER,
                    seen_by: get,
                });
            }
            self.last.push(node);
        }
        for node in self.last.iter().rev() {
            let node = &mut self.nodes[*node as usize];
            if node.first_return <= ret {
                break;
            }
            (node.first_return, node.seen_by) = (ret, get);
        }
        let state = self.last.last().map_or(0, |node| node + 1);
        self.seen.insert(get, state);
        state
    }

    /// The state before that of a node.
    pub(super) fn before(&self, node: u32) -> u32 {
        self.nodes[node as usize].before
    }

    /// The get that saw it first.
    pub(super) fn seen_by(&self, node: u32) -> u32 {
        self.nodes[node as usize].seen_by
    }

    /// The labels of what a get saw, the last one first.
    pub(super) fn path(&self, get: u32) -> impl Iterator<Item = u32> + '_ {
        let mut state = self.seen.get(&get).copied().unwrap_or(0);
        std::iter::from_fn(move || {
            let node = self.nodes[state.checked_sub(1)? as usize];
            state = node.before;
            Some(node.label)
        })
    }

    fn is_before(&self, earlier: u32, later: u32) -> bool {
        let mut state = self.before(later);
        while state > 0 {
            if state - 1 == earlier {
                return true;
            }
            state = self.before(state - 1);
        }
        false
    }

    /// Who can have written what was seen.
    pub(super) fn candidates(
        &self,
        sequences: &Sequences<'_>,
        steps: &[Timed<'_, KeyValueStep>],
    ) -> Result<Candidates, Refused> {
        let mut put_nodes: Vec<Vec<u32>> = vec![Vec::new(); sequences.labels.len()];
        let mut append_nodes = put_nodes.clone();
        let mut later = vec![0; sequences.labels.len()];
        for node in self.nodes.iter().filter(|node| node.before > 0) {
            later[node.label as usize] += 1;
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let label = &sequences.labels[node.label as usize];
            let nodes = if node.before == 0 {
                match begins_with_put(sequences, steps, node.label, later[node.label as usize]) {
                    Some(true) => &mut put_nodes,
                    Some(false) => &mut append_nodes,
                    None => return Err(None),
                }
            } else {
                &mut append_nodes
            };
            // Two puts of one text leave the same state twice: who saw which cannot be told.
            if node.before == 0 && label.puts.len() > 1 {
                return Err(None);
            }
            nodes[node.label as usize].push(number as u32);
        }
        let mut candidates = Candidates {
            nodes: self.nodes.len(),
            groups: Vec::new(),
        };
        for (number, label) in sequences.labels.iter().enumerate() {
            for (nodes, writers) in [
                (&put_nodes[number], &label.puts),
                (&append_nodes[number], &label.appends),
            ] {
                if nodes.is_empty() {
                    continue;
                }
                candidates.groups.push(Group {
                    ways: self.ways_of(nodes, writers, steps)?,
                    nodes: nodes.clone(),
                    writers: writers.clone(),
                });
            }
        }
        Ok(candidates)
    }

    /// The ways in which these steps can have written these states, each step at most one.
    fn ways_of(
        &self,
        nodes: &[u32],
        writers: &[u32],
        steps: &[Timed<'_, KeyValueStep>],
    ) -> Result<Vec<Vec<u32>>, Refused> {
        /// More are not looked at.
        const NODES_MAX: usize = 5;
        if nodes.len() > writers.len() {
            let twice = |a: &u32| nodes.iter().find(|b| self.is_before(*a, **b)).copied();
            let one_path = nodes.iter().find_map(|a| Some((*a, twice(a)?)));
            return Err(Some(match one_path {
                Some((a, b)) if writers.len() == 1 => (AnomalyName::DuplicateEffect, vec![a, b]),
                _ => (AnomalyName::IncompatibleOrder, nodes.to_vec()),
            }));
        }
        if writers.len() == 1 {
            return Ok(vec![writers.to_vec()]);
        }
        if nodes.len() > NODES_MAX || writers.len() > 2 * NODES_MAX {
            return Err(None);
        }
        let mut ways = Vec::new();
        let mut way = Vec::new();
        self.extend_way(nodes, writers, steps, &mut way, &mut ways);
        if ways.is_empty() {
            return Err(Some((AnomalyName::NotLinearizable, nodes.to_vec())));
        }
        Ok(ways)
    }

    fn extend_way(
        &self,
        nodes: &[u32],
        writers: &[u32],
        steps: &[Timed<'_, KeyValueStep>],
        way: &mut Vec<u32>,
        ways: &mut Vec<Vec<u32>>,
    ) {
        let Some(node) = nodes.get(way.len()) else {
            ways.push(way.clone());
            return;
        };
        for writer in writers {
            let step = &steps[*writer as usize];
            let seen_before = self.nodes[*node as usize].first_return < step.inv;
            let fits = |(other, earlier): (&u32, &u32)| {
                let other_step = &steps[*earlier as usize];
                *earlier != *writer
                    && !(self.is_before(*other, *node) && step.ret < other_step.inv)
                    && !(self.is_before(*node, *other) && other_step.ret < step.inv)
            };
            if !seen_before && nodes.iter().zip(&*way).all(fits) {
                way.push(*writer);
                self.extend_way(nodes, writers, steps, way, ways);
                way.pop();
            }
        }
    }
}

/// Whether what begins with this part began with a put of it, and not with an append to what was
/// there in the beginning; none if both can be. `later` says how many states have that part later.
fn begins_with_put(
    sequences: &Sequences<'_>,
    steps: &[Timed<'_, KeyValueStep>],
    label: u32,
    later: usize,
) -> Option<bool> {
    let label = &sequences.labels[label as usize];
    if label.puts.is_empty() || label.appends.is_empty() || !sequences.begins_empty() {
        return Some(!label.puts.is_empty());
    }
    // Each append leaves one state only.
    if later >= label.appends.len() {
        return Some(true);
    }
    let writes = |step: &&Timed<'_, KeyValueStep>| !matches!(step.step, KeyValueStep::Get(_));
    let returns = steps.iter().filter(writes).map(|step| step.ret);
    let first = returns.min().unwrap_or(NEVER);
    // After something was surely written, an append does not find what was there at first.
    let late = |at: &u32| steps[*at as usize].inv > first;
    label.appends.iter().all(late).then_some(true)
}

/// States that the same steps can have written.
pub(super) struct Group {
    nodes: Vec<u32>,
    pub(super) writers: Vec<u32>,
    /// Per way, who wrote each of the nodes.
    pub(super) ways: Vec<Vec<u32>>,
}

/// Who can have written what was seen.
pub(super) struct Candidates {
    nodes: usize,
    pub(super) groups: Vec<Group>,
}

impl Candidates {
    /// Per node the step that wrote it, given the way of each group, the first if it is open.
    pub(super) fn steps_of(&self, ways: &[Option<usize>]) -> Vec<u32> {
        let mut steps = vec![NEVER; self.nodes];
        for (group, way) in self.groups.iter().zip(ways) {
            for (node, step) in group.nodes.iter().zip(&group.ways[way.unwrap_or(0)]) {
                steps[*node as usize] = *step;
            }
        }
        steps
    }

    /// The groups with a choice in which these steps are.
    pub(super) fn groups_of(&self, steps: &[u32]) -> impl Iterator<Item = usize> + '_ {
        let steps = steps.to_vec();
        (0..self.groups.len()).filter(move |group| {
            let Group { writers, ways, .. } = &self.groups[*group];
            ways.len() > 1 && steps.iter().any(|step| writers.contains(step))
        })
    }
}
