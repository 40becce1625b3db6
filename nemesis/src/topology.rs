//! Which links a partition cuts.
//!
//! A link is an ordered pair: what the first one sends to the second one travels on connections
//! that the first one opened. Cutting only one of the two pairs is a one-way partition.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::fault::{ClientAccess, Shape};

/// An end of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// All clients; never the second end.
    Clients,
    /// A node, by name.
    Node(String),
}

/// An ordered pair: who opens the connections, and to whom.
pub type Pair = (Endpoint, Endpoint);

/// The links that `shape` cuts around `targets`, of a cluster of `nodes`. The order of ring and
/// halves is drawn from `seed`.
pub fn cuts(
    shape: Shape,
    clients: ClientAccess,
    nodes: &[String],
    targets: &BTreeSet<String>,
    seed: u64,
) -> BTreeSet<Pair> {
    let mut order: Vec<&String> = nodes.iter().collect();
    Rng::with_seed(seed).shuffle(&mut order);
    let position = |node: &String| order.iter().position(|&other| other == node);
    // The others without the bridge, in two halves.
    let others: Vec<&&String> = order
        .iter()
        .filter(|node| !targets.contains(**node))
        .collect();
    let first_half: BTreeSet<&String> = others[..others.len() / 2].iter().map(|n| **n).collect();
    let cut = |from: &String, to: &String| match shape {
        Shape::Split => targets.contains(from) != targets.contains(to),
        Shape::Deaf => targets.contains(to) && !targets.contains(from),
        Shape::Mute => targets.contains(from) && !targets.contains(to),
        Shape::MajorityRing => {
            let count = order.len();
            let apart = position(from).zip(position(to)).map_or(0, |(one, other)| {
                let distance = one.abs_diff(other);
                distance.min(count - distance)
            });
            // Neighbours on both sides, so many that with itself they are a majority.
            apart > (count / 2).div_ceil(2)
        }
        Shape::Bridge => {
            !targets.contains(from)
                && !targets.contains(to)
                && first_half.contains(from) != first_half.contains(to)
        }
        Shape::Apart => targets.contains(from) && targets.contains(to),
        Shape::Unanswered => false,
    };
    let mut pairs = BTreeSet::new();
    for from in nodes {
        for to in nodes.iter().filter(|to| *to != from && cut(from, to)) {
            pairs.insert((Endpoint::Node(from.clone()), Endpoint::Node(to.clone())));
        }
    }
    let around = matches!(shape, Shape::Split | Shape::Deaf | Shape::Mute);
    if (clients == ClientAccess::Cut && around) || shape == Shape::Unanswered {
        for target in targets {
            pairs.insert((Endpoint::Clients, Endpoint::Node(target.clone())));
        }
    }
    pairs
}

/// The links between `targets` and all others, both ways.
pub fn around(
    clients: ClientAccess,
    nodes: &[String],
    targets: &BTreeSet<String>,
) -> BTreeSet<Pair> {
    // Nothing is drawn for this shape.
    cuts(Shape::Split, clients, nodes, targets, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("n{number}")).collect()
    }

    fn node(name: &str) -> Endpoint {
        Endpoint::Node(name.to_string())
    }

    fn cut(shape: Shape, clients: ClientAccess, count: usize, targets: &[&str]) -> BTreeSet<Pair> {
        let targets = targets.iter().map(ToString::to_string).collect();
        cuts(shape, clients, &names(count), &targets, 3)
    }

    #[test]
    fn a_split_cuts_both_ways_and_nothing_within_a_side() {
        let pairs = cut(Shape::Split, ClientAccess::Kept, 5, &["n1", "n2"]);
        assert_eq!(pairs.len(), 2 * 2 * 3);
        assert!(pairs.contains(&(node("n1"), node("n5"))));
        assert!(pairs.contains(&(node("n5"), node("n1"))));
        assert!(!pairs.contains(&(node("n1"), node("n2"))));
    }

    #[test]
    fn one_way_cuts_one_way() {
        let deaf = cut(Shape::Deaf, ClientAccess::Kept, 3, &["n1"]);
        assert_eq!(
            deaf,
            [(node("n2"), node("n1")), (node("n3"), node("n1"))].into()
        );
        let mute = cut(Shape::Mute, ClientAccess::Kept, 3, &["n1"]);
        assert_eq!(
            mute,
            [(node("n1"), node("n2")), (node("n1"), node("n3"))].into()
        );
    }

    #[test]
    fn those_apart_see_all_but_each_other() {
        let pairs = cut(Shape::Apart, ClientAccess::Kept, 4, &["n1", "n3"]);
        assert_eq!(
            pairs,
            [(node("n1"), node("n3")), (node("n3"), node("n1"))].into()
        );
    }

    #[test]
    fn answers_to_clients_are_lost_on_their_links_alone() {
        let pairs = cut(Shape::Unanswered, ClientAccess::Kept, 3, &["n2"]);
        assert_eq!(pairs, [(Endpoint::Clients, node("n2"))].into());
    }

    #[test]
    fn clients_are_cut_from_the_targets_only_when_asked() {
        let pairs = cut(Shape::Split, ClientAccess::Cut, 3, &["n1"]);
        let of_clients: Vec<&Pair> = pairs
            .iter()
            .filter(|(from, _)| *from == Endpoint::Clients)
            .collect();
        assert_eq!(of_clients, [&(Endpoint::Clients, node("n1"))]);
    }

    #[test]
    fn a_bridge_sees_everybody_and_the_halves_do_not_see_each_other() {
        let pairs = cut(Shape::Bridge, ClientAccess::Kept, 5, &["n3"]);
        assert!(
            pairs
                .iter()
                .all(|(from, to)| *from != node("n3") && *to != node("n3"))
        );
        assert_eq!(pairs.len(), 2 * 2 * 2);
    }

    proptest! {
        #[test]
        fn in_a_majority_ring_each_sees_a_majority_and_no_two_the_same(count in 4_usize..10, seed: u64) {
            let nodes = names(count);
            let pairs =
                cuts(Shape::MajorityRing, ClientAccess::Kept, &nodes, &BTreeSet::new(), seed);
            prop_assert!(!pairs.is_empty());
            let mut seen = BTreeSet::new();
            for from in &nodes {
                let sees: BTreeSet<&String> = nodes
                    .iter()
                    .filter(|to| !pairs.contains(&(node(from), node(to))))
                    .collect();
                prop_assert!(sees.len() > count / 2);
                seen.insert(sees);
            }
            prop_assert!(seen.len() == count);
        }
    }
}
