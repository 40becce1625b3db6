//! What the plan promises, on tables of all kinds: it ends, it never takes a copy away that is wanted, it touches
//! a partition once at a time, and it keeps to what may be done at a time.

use proptest::prelude::*;

use super::*;
use crate::ids::{Epoch, Incarnation};

/// A table, and the order in which its steps are done.
#[derive(Clone, Debug)]
struct Case {
    partitions: Vec<Assignment>,
    scene: Scene,
    /// Which of the steps that are to be done is done next.
    order: Vec<usize>,
}

fn assignment(owner: u32, backups: &[u32]) -> Assignment {
    let in_sync = std::iter::once(&owner).chain(backups);
    Assignment {
        epoch: Epoch(1),
        owner: NodeId(owner),
        in_sync: in_sync.map(|n| (NodeId(*n), Incarnation(0))).collect(),
        ..Assignment::default()
    }
}

fn scene(nodes: u32, replicas: usize) -> Scene {
    Scene {
        nodes: (1..=nodes).map(NodeId).collect(),
        replicas,
        ..Scene::default()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    (1_u32..=6, 1_usize..=3, 1_usize..=4, 1_usize..=3).prop_flat_map(
        |(nodes, replicas, copies, hand_overs)| {
            let holders = proptest::collection::vec(1..=nodes, 1..=4);
            let partition = (holders, 0_u64..1_000);
            let partitions = proptest::collection::vec(partition, 0..=14);
            let order = proptest::collection::vec(0_usize..100, 64);
            (partitions, order).prop_map(move |(partitions, order)| {
                let mut scene = scene(nodes, replicas);
                scene.levelling.copies_at_once = copies;
                scene.levelling.hand_overs_at_once = hand_overs;
                let numbered = (0..).map(PartitionId).zip(&partitions);
                scene.sizes = numbered.map(|(p, (_, bytes))| (p, *bytes)).collect();
                let holders = partitions.iter().map(|(holders, _)| holders);
                let partitions = holders.map(|holders| assignment(holders[0], &holders[1..]));
                Case {
                    partitions: partitions.collect(),
                    scene,
                    order,
                }
            })
        },
    )
}

/// What is under way in a cluster: a step that was planned, or a catch-up that may be in sync by now.
#[derive(Clone, Copy, Debug)]
enum Way {
    Step(Step),
    Grow(PartitionId, NodeId),
}

impl Case {
    fn ways(&self) -> Vec<Way> {
        let steps = plan(&self.partitions, &self.scene);
        let numbered = (0..).map(PartitionId).zip(&self.partitions);
        let growing = numbered.flat_map(|(partition, a)| {
            let grow = move |node: &NodeId| Way::Grow(partition, *node);
            a.catch_ups.iter().map(grow)
        });
        growing.chain(steps.into_iter().map(Way::Step)).collect()
    }

    fn go(&mut self, way: Way) {
        match way {
            Way::Step(step) => take(&mut self.partitions, step),
            Way::Grow(partition, node) => {
                let assignment = &mut self.partitions[usize::from(partition.0)];
                assignment.catch_ups.remove(&node);
                assignment.in_sync.insert(node, Incarnation(0));
            }
        }
    }

    /// Where copies are missing the master names catch-ups besides.
    fn complete(&mut self) {
        let (wanted, nodes) = (self.scene.wanted(), self.scene.nodes.clone());
        for assignment in &mut self.partitions {
            for node in &nodes {
                if assignment.in_sync.len() < wanted {
                    assignment.in_sync.insert(*node, Incarnation(0));
                }
            }
        }
    }

    /// Does all that is to be done, one after the other in some order; says how many steps that were.
    fn run(&mut self) -> usize {
        let limit = 40 * (self.partitions.len() + 1);
        for done in 0..limit {
            let ways = self.ways();
            if ways.is_empty() {
                return done;
            }
            let next = self.order[done % self.order.len()] % ways.len();
            self.go(ways[next]);
        }
        panic!("no end after {limit} steps: {:?}", self.partitions);
    }

    fn counts(&self, of: impl Fn(&Assignment, NodeId) -> bool) -> Vec<usize> {
        let nodes = self.scene.nodes.iter();
        let count = |node: &NodeId| self.partitions.iter().filter(|a| of(a, *node)).count();
        nodes.map(count).collect()
    }

    fn owned(&self) -> Vec<usize> {
        self.counts(|a, node| a.owner == node)
    }

    fn held(&self) -> Vec<usize> {
        self.counts(|a, node| a.in_sync.contains_key(&node))
    }
}

fn spread(counts: &[usize]) -> usize {
    let (most, least) = (counts.iter().max(), counts.iter().min());
    most.copied().unwrap_or(0) - least.copied().unwrap_or(0)
}

proptest! {
    #[test]
    fn it_ends_with_like_shares(mut case in cases()) {
        case.complete();
        case.run();
        prop_assert!(spread(&case.held()) <= 1, "held: {:?}", case.held());
        prop_assert!(spread(&case.owned()) <= 2, "owned: {:?}", case.owned());
        let mean = case.partitions.len() as f64 / case.scene.nodes.len() as f64;
        for owned in case.owned() {
            prop_assert!((owned as f64 - mean).abs() < 2.0, "owned: {:?}", case.owned());
        }
        let wanted = case.scene.wanted();
        prop_assert!(case.partitions.iter().all(|a| a.in_sync.len() == wanted));
    }

    #[test]
    fn no_wanted_copy_is_given_up_and_an_owner_is_never_dropped(mut case in cases()) {
        let wanted = case.scene.wanted();
        for step in case.order.clone() {
            let ways = case.ways();
            if ways.is_empty() {
                break;
            }
            let way = ways[step % ways.len()];
            if let Way::Step(step) = way {
                let before = &case.partitions[usize::from(step.partition().0)];
                match step {
                    Step::Drop { from, .. } => {
                        prop_assert!(before.in_sync.len() > wanted, "{step:?} of {before:?}");
                        prop_assert!(before.in_sync.contains_key(&from));
                        prop_assert!(before.owner != from);
                    }
                    Step::HandOver { from, to, .. } => {
                        prop_assert_eq!(before.owner, from);
                        prop_assert!(before.in_sync.contains_key(&to) && to != from);
                    }
                    Step::Copy { to, .. } => {
                        prop_assert!(before.in_sync.len() == wanted && before.catch_ups.is_empty());
                        prop_assert!(!before.in_sync.contains_key(&to));
                    }
                }
            }
            case.go(way);
        }
    }

    #[test]
    fn it_keeps_to_what_may_be_done_at_a_time(mut case in cases()) {
        case.complete();
        let levelling = case.scene.levelling;
        for step in case.order.clone() {
            let steps = plan(&case.partitions, &case.scene);
            let touched: BTreeSet<_> = steps.iter().map(|step| step.partition()).collect();
            prop_assert_eq!(touched.len(), steps.len(), "a partition twice: {:?}", steps);
            let hand_overs = steps.iter().filter(|s| matches!(s, Step::HandOver { .. }));
            prop_assert!(hand_overs.count() <= levelling.hand_overs_at_once);
            let begun = case.partitions.iter().filter(|a| !a.catch_ups.is_empty());
            let begin = steps.iter().filter(|s| matches!(s, Step::Copy { .. }));
            prop_assert!(begun.count() + begin.count() <= levelling.copies_at_once);
            let ways = case.ways();
            if ways.is_empty() {
                break;
            }
            case.go(ways[step % ways.len()]);
        }
    }

    #[test]
    fn the_outlook_leads_to_where_nothing_is_to_be_done(mut case in cases()) {
        case.complete();
        for step in outlook(&case.partitions, &case.scene) {
            match step {
                Step::Copy { partition, to, .. } => case.go(Way::Grow(partition, to)),
                step => case.go(Way::Step(step)),
            }
        }
        prop_assert_eq!(plan(&case.partitions, &case.scene), []);
    }

    #[test]
    fn a_wish_is_granted_also_while_roles_are_not_levelled(mut case in cases(), to in 1_u32..=6) {
        case.complete();
        let to = NodeId(to);
        prop_assume!(!case.partitions.is_empty() && case.scene.nodes.contains(&to));
        case.scene.levelling.on = false;
        case.scene.moves.insert(PartitionId(0), to);
        case.run();
        prop_assert_eq!(case.partitions[0].owner, to);
        prop_assert_eq!(case.partitions[0].in_sync.len(), case.scene.wanted());
    }
}

#[test]
fn a_fourth_node_gets_its_share_with_the_fewest_copies() {
    let partitions = (0..12).map(|n| {
        let (owner, backup) = (n % 3 + 1, (n + 1 + n / 3 % 2) % 3 + 1);
        assignment(owner, &[backup])
    });
    let mut case = Case {
        partitions: partitions.collect(),
        scene: scene(4, 2),
        order: vec![0],
    };
    let steps = outlook(&case.partitions, &case.scene);
    let copies = steps.iter().filter(|s| matches!(s, Step::Copy { .. }));
    assert_eq!(copies.count(), 6, "24 copies, 6 a node: {steps:?}");
    case.run();
    assert_eq!(case.held(), [6, 6, 6, 6]);
    assert_eq!(case.owned(), [3, 3, 3, 3]);
}

#[test]
fn where_a_copy_is_missing_none_is_moved() {
    let mut partitions = vec![assignment(1, &[2]); 6];
    partitions[0].in_sync.remove(&NodeId(2));
    let scene = scene(3, 2);
    let steps = plan(&partitions, &scene);
    let moved = |step: &Step| !matches!(step, Step::HandOver { .. });
    assert!(!steps.iter().any(moved), "{steps:?}");
}

#[test]
fn what_is_not_steady_is_left_alone() {
    let partitions = vec![assignment(1, &[2]); 6];
    let mut scene = scene(3, 2);
    scene.unsteady = (0..6).map(PartitionId).collect();
    assert_eq!(plan(&partitions, &scene), []);
    // One that is in sync is not there.
    let mut scene = self::scene(3, 2);
    scene.nodes.remove(&NodeId(2));
    assert_eq!(plan(&partitions, &scene), []);
}

#[test]
fn the_copy_that_makes_bytes_most_alike_is_moved() {
    let partitions = vec![assignment(1, &[]), assignment(1, &[]), assignment(1, &[])];
    let mut scene = scene(2, 1);
    let sizes = [10, 40, 70];
    scene.sizes = (0..).map(PartitionId).zip(sizes).collect();
    let steps = plan(&partitions, &scene);
    assert_eq!(
        steps,
        [Step::Copy {
            partition: PartitionId(2),
            from: NodeId(1),
            to: NodeId(2)
        }]
    );
}

#[test]
fn what_is_begun_is_finished_while_roles_are_not_levelled() {
    let mut scene = scene(2, 1);
    scene.levelling.on = false;
    let partitions = [assignment(1, &[2]), assignment(1, &[])];
    let steps = plan(&partitions, &scene);
    let (partition, from, to) = (PartitionId(0), NodeId(1), NodeId(2));
    assert_eq!(
        steps,
        [Step::HandOver {
            partition,
            from,
            to
        }]
    );
}
