//! Whom a master lets go on where nobody is left who certainly has everything (rules R5, R14): looked at as
//! the pure function that it is.

use std::collections::{BTreeMap, BTreeSet};

use super::network::node;
use crate::coordinator::{Load, Verdict, View};
use crate::ids::{Epoch, Incarnation, Lsn, PartitionId, Position};
use crate::replica::{Held, Trust};
use crate::rule::Rules;
use crate::settings::Mode;
use crate::table::{Assignment, Witness};

const P: PartitionId = PartitionId(0);
/// The life of the data that the table counts on, of all nodes.
const RECORDED: Incarnation = Incarnation(1);
/// Another one.
const ANOTHER: Incarnation = Incarnation(77);

/// What a node says: its log ends with this entry of epoch 4.
fn says(end: u64, incarnation: Incarnation, trust: Trust) -> Held {
    Held {
        partition: P,
        incarnation,
        log_epoch: Epoch(4),
        end: Position {
            epoch: Epoch(4),
            lsn: Lsn(end),
        },
        trust,
        epoch: Epoch(5),
    }
}

/// Node 1 owns the partition in epoch 5, node 2 is in sync.
fn assignment() -> Assignment {
    Assignment {
        epoch: Epoch(5),
        owner: node(1),
        in_sync: [(node(1), RECORDED), (node(2), RECORDED)].into(),
        catch_ups: BTreeSet::new(),
        witnesses: BTreeMap::new(),
    }
}

/// What is decided when these nodes are there, and say this.
fn decided(before: &Assignment, said: &[(u32, Held)]) -> (Verdict, Assignment) {
    decided_where((true, 7), before, said)
}

/// The same, where disks are distrusted or not, and reports count that answer heartbeats after this one.
fn decided_where(
    (distrust, compare_after): (bool, u64),
    before: &Assignment,
    said: &[(u32, Held)],
) -> (Verdict, Assignment) {
    let here: BTreeSet<_> = said.iter().map(|(id, _)| node(*id)).collect();
    let held = said.iter().map(|(id, held)| ((P, node(*id)), *held));
    let view = View {
        alive: here.clone(),
        leaving: BTreeSet::new(),
        parting: BTreeSet::new(),
        expected: BTreeSet::new(),
        min_in_sync: 1,
        roomless: BTreeSet::new(),
        overdue: BTreeSet::new(),
        distrust,
        forced: false,
        answered: here.iter().map(|node| (*node, 8)).collect(),
        compare_after: BTreeMap::from([(P, compare_after)]),
        reported: here,
        held: held.collect(),
        replaceable: BTreeSet::new(),
        replicas: 2,
        mode: Mode::SemiSync,
        rules: Rules::sound(),
        overdue_hand_overs: BTreeSet::new(),
    };
    let mut after = before.clone();
    let mut load = Load::of(std::slice::from_ref(before));
    let verdict = view.decide(P, &mut after, &mut load);
    (verdict, after)
}

/// All data of a node begin another life when one partition of it is found to have gone back; the others may
/// be whole, and the only ones that are. Who is in doubt, and has less, may be the one that lost something.
#[test]
fn data_of_another_life_that_reach_further_go_on_before_doubtful_ones() {
    let doubtful = says(2, RECORDED, Trust::Unconfirmed);
    let (verdict, after) = decided(
        &assignment(),
        &[(1, says(3, ANOTHER, Trust::Confirmed)), (2, doubtful)],
    );
    assert_eq!(verdict, Verdict::PossibleLoss);
    assert_eq!((after.owner, after.epoch), (node(1), Epoch(6)));
    assert_eq!(after.in_sync, [(node(1), ANOTHER)].into());

    // With as much, the data that were counted on go on.
    let (verdict, after) = decided(
        &assignment(),
        &[(1, says(2, ANOTHER, Trust::Confirmed)), (2, doubtful)],
    );
    assert_eq!(verdict, Verdict::Served);
    assert_eq!(after.in_sync, [(node(2), RECORDED)].into());
}

/// Nor does one in doubt go on before one that is certain, whatever others have.
#[test]
fn who_is_certain_goes_on_first() {
    let (verdict, after) = decided(
        &assignment(),
        &[
            (1, says(9, ANOTHER, Trust::Confirmed)),
            (2, says(2, RECORDED, Trust::Confirmed)),
        ],
    );
    assert_eq!(verdict, Verdict::Served);
    assert_eq!(after.owner, node(2));
    assert_eq!(after.in_sync, [(node(2), RECORDED)].into());
}

/// Of a witness and data of another life the one that reaches further goes on: the owner may have entered its
/// epoch, and have forgotten that, so that the witness lacks what was acknowledged since.
#[test]
fn a_witness_takes_over_only_if_nobody_has_more() {
    let mut before = assignment();
    before.in_sync = [(node(1), RECORDED)].into();
    let until = Epoch(4);
    let witness = Witness {
        life: RECORDED,
        until,
    };
    before.witnesses = [(node(3), witness)].into();
    let with = |end| {
        let owner = says(end, ANOTHER, Trust::Confirmed);
        decided(
            &before,
            &[(1, owner), (3, says(5, RECORDED, Trust::Confirmed))],
        )
    };
    let (verdict, after) = with(5);
    assert_eq!(verdict, Verdict::Unproven);
    assert_eq!(after.in_sync, [(node(3), RECORDED)].into());
    let (verdict, after) = with(6);
    assert_eq!(verdict, Verdict::PossibleLoss);
    assert_eq!(after.in_sync, [(node(1), ANOTHER)].into());
}

/// The only one in sync lost its data. One that has left the in-sync set before may have everything: it is waited
/// for, wherever it is, and the owner has to know that it is not to enter its epoch.
#[test]
fn nobody_begins_again_before_the_witnesses_are_heard() {
    let mut before = assignment();
    before.in_sync = [(node(1), RECORDED)].into();
    let witness = Witness {
        life: RECORDED,
        until: Epoch(4),
    };
    before.witnesses = [(node(3), witness)].into();
    let lost = says(0, ANOTHER, Trust::Confirmed);
    let has_not_heard = Held {
        epoch: Epoch(0),
        ..lost
    };
    let has_all = says(5, RECORDED, Trust::Confirmed);
    for distrust in [false, true] {
        for (said, expected) in [
            (vec![(1, has_not_heard), (3, has_all)], Verdict::Served),
            (vec![(1, lost)], Verdict::Unavailable),
            (vec![(1, has_not_heard)], Verdict::Served),
        ] {
            let (verdict, after) = decided_where((distrust, 7), &before, &said);
            assert_eq!(verdict, expected, "{said:?}");
            assert_eq!(
                after,
                Assignment {
                    catch_ups: after.catch_ups.clone(),
                    ..before.clone()
                }
            );
        }
        let (_, after) = decided_where((distrust, 7), &before, &[(1, lost), (3, has_all)]);
        assert_eq!(after.in_sync, [(node(3), RECORDED)].into());
    }
}

/// What was reported before it was found out that it has to be compared may be too little.
#[test]
fn reports_are_compared_that_are_younger_than_the_question() {
    let doubtful = says(2, RECORDED, Trust::Unconfirmed);
    let mixed = [(1, says(3, ANOTHER, Trust::Confirmed)), (2, doubtful)];
    let (verdict, after) = decided_where((true, 8), &assignment(), &mixed);
    assert_eq!(verdict, Verdict::Comparing);
    assert_eq!(after, assignment());
    // Who is left has to be compared with nobody.
    let both = [(1, doubtful), (2, doubtful)];
    let (verdict, _) = decided_where((true, 8), &assignment(), &both);
    assert_eq!(verdict, Verdict::Served);
}

/// A member was added with other data than those of which it said something last: that was before.
#[test]
fn a_report_from_before_its_addition_makes_nobody_unclean() {
    let before = assignment();
    let old = Held {
        epoch: Epoch(4),
        ..says(1, ANOTHER, Trust::Confirmed)
    };
    let owner = says(9, RECORDED, Trust::Confirmed);
    let (verdict, after) = decided(&before, &[(1, owner), (2, old)]);
    assert_eq!((verdict, &after), (Verdict::Served, &before));
    // Nor is it certain of data that it has not spoken of.
    let (verdict, after) = decided(&before, &[(2, old)]);
    assert_eq!((verdict, after), (Verdict::Unavailable, before));
}
