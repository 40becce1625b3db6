//! Which neighbours a broadcast offers to each node.

use clap::ValueEnum;
use serde_json::{Map, Value};

/// The shape of a network of neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topology {
    /// In a row
    Line,
    /// In a square, with up to four neighbours
    Grid,
    /// The same as tree2
    Tree,
    /// In a tree with up to two children
    Tree2,
    /// In a tree with up to three children
    Tree3,
    /// In a tree with up to four children
    Tree4,
    /// Everybody is everybody's neighbour
    Total,
}

impl Topology {
    /// Each node's neighbours.
    pub fn neighbours(self, nodes: &[String]) -> Map<String, Value> {
        let count = nodes.len();
        let side = (1..).find(|side| side * side >= count).unwrap_or(1);
        let tree = |one: usize, other: usize, children: usize| {
            let (low, high) = (one.min(other), one.max(other));
            (high - 1) / children == low
        };
        let adjacent = |one: usize, other: usize| match self {
            Topology::Line => one.abs_diff(other) == 1,
            Topology::Grid => {
                let (rows, columns) = (
                    (one / side).abs_diff(other / side),
                    (one % side).abs_diff(other % side),
                );
                rows + columns == 1
            }
            Topology::Tree | Topology::Tree2 => tree(one, other, 2),
            Topology::Tree3 => tree(one, other, 3),
            Topology::Tree4 => tree(one, other, 4),
            Topology::Total => true,
        };
        (0..count)
            .map(|one| {
                let neighbours: Vec<&String> = (0..count)
                    .filter(|other| *other != one && adjacent(one, *other))
                    .map(|other| &nodes[other])
                    .collect();
                (
                    nodes[one].clone(),
                    Value::from_iter(neighbours.into_iter().cloned()),
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(topology: Topology, count: usize) -> Value {
        let nodes: Vec<String> = (1..=count).map(|number| format!("n{number}")).collect();
        Value::Object(topology.neighbours(&nodes))
    }

    #[test]
    fn shapes_are_what_their_names_say() {
        assert_eq!(
            of(Topology::Line, 3),
            json!({"n1": ["n2"], "n2": ["n1", "n3"], "n3": ["n2"]})
        );
        assert_eq!(
            of(Topology::Grid, 5),
            json!({"n1": ["n2", "n4"], "n2": ["n1", "n3", "n5"], "n3": ["n2"],
                "n4": ["n1", "n5"], "n5": ["n2", "n4"]})
        );
        assert_eq!(
            of(Topology::Tree2, 4),
            json!({"n1": ["n2", "n3"], "n2": ["n1", "n4"], "n3": ["n1"], "n4": ["n2"]})
        );
        assert_eq!(of(Topology::Total, 2), json!({"n1": ["n2"], "n2": ["n1"]}));
        assert_eq!(of(Topology::Line, 1), json!({"n1": []}));
    }

    #[test]
    fn a_grid_and_a_tree_of_25_have_the_links_they_should() {
        let links = |topology| -> usize {
            let all = of(topology, 25);
            let all = all.as_object().unwrap().values();
            all.map(|neighbours| neighbours.as_array().unwrap().len())
                .sum()
        };
        assert_eq!(links(Topology::Grid), 2 * 40);
        for topology in [
            Topology::Tree,
            Topology::Tree3,
            Topology::Tree4,
            Topology::Line,
        ] {
            assert_eq!(links(topology), 2 * 24);
        }
    }
}
