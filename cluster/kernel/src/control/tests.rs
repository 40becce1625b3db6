//! A control plane that founds a cluster, and one that joins one.

use std::time::Duration;

use kensho_protocol::coordinator::Birth;
use kensho_protocol::ids::{Life, PartitionId};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::settings::Settings;
use kensho_protocol::table::{Change, Identity, What};

use super::*;

fn member(id: u32) -> Member {
    Member {
        id: NodeId(id),
        name: format!("n{id}"),
        client_address: format!("n{id}:client"),
        peer_address: format!("n{id}:peer"),
    }
}

fn plane(id: u32, initial: &[&str]) -> ControlPlane {
    let birth = Birth {
        identity: Identity {
            cluster: "test".to_owned(),
            partitions: 1,
            replicas: 1,
            outcomes: OutcomeLimits::default(),
        },
        members: BTreeMap::new(),
    };
    let coordinator = Coordinator::new(
        Settings::with_heartbeat(Duration::from_secs(1)),
        member(id),
        0,
        birth,
        Saved::default(),
        Life::default(),
        7,
        Time(0),
    );
    let initial = initial.iter().map(|name| (*name).to_owned()).collect();
    ControlPlane::new(coordinator, member(id), initial, Rules::sound(), None)
}

/// Hands it in, with what the disk says of it; what the node sees at last.
fn run(plane: &mut ControlPlane, now: Time, input: Input, sent: &mut Vec<Message>) -> Option<View> {
    let mut inputs = vec![input];
    let mut shown = None;
    while let Some(input) = inputs.pop() {
        let mut out = Vec::new();
        plane.handle(now, input, &mut out);
        plane.flush(&mut out);
        for output in out {
            match output {
                Output::Save { ticket, .. } => inputs.push(Input::Saved(ticket)),
                Output::Send { message, .. } => sent.push(message),
                Output::Show(view) => shown = Some(view),
                Output::Note(_) => {}
            }
        }
    }
    shown
}

#[test]
fn a_cluster_is_founded_only_when_all_initial_members_have_answered() {
    let mut plane = plane(1, &["n1", "n2"]);
    let mut sent = Vec::new();
    for input in [Input::Found, Input::Met(member(3)), Input::Met(member(1))] {
        run(&mut plane, Time(0), input, &mut sent);
    }
    let late = Time(0) + Duration::from_secs(100);
    if plane.deadline().is_some_and(|due| due <= late) {
        run(&mut plane, late, Input::Tick, &mut sent);
    }
    assert!(sent.is_empty(), "{sent:?}");
    run(&mut plane, late, Input::Met(member(2)), &mut sent);
    let due = plane.deadline().expect("it waits for a master");
    run(&mut plane, due, Input::Tick, &mut sent);
    assert!(!sent.is_empty());
}

#[test]
fn a_lone_founder_shows_a_table_and_takes_what_its_replicas_ask_for() {
    let mut plane = plane(1, &["n1"]);
    let mut sent = Vec::new();
    let mut view = run(&mut plane, Time(0), Input::Found, &mut sent).expect("news");
    for _ in 0..10 {
        let Some(due) = plane.deadline().filter(|_| view.table.is_none()) else {
            break;
        };
        view = run(&mut plane, due, Input::Tick, &mut sent).unwrap_or(view);
    }
    let table = view.table.expect("a table");
    assert!(table.born && view.service);
    assert_eq!(plane.coordinator().id(), NodeId(1));
    let partition = PartitionId(0);
    let epoch = table.assignment(partition).epoch;
    let change = Change {
        partition,
        base: epoch,
        what: What::Renew,
    };
    let now = plane.deadline().expect("heartbeats");
    run(
        &mut plane,
        now,
        Input::Report(Report::Holds(Vec::new())),
        &mut sent,
    );
    let asked = Input::Report(Report::Ask(change));
    let renewed = run(&mut plane, now, asked, &mut sent).expect("news");
    let renewed = renewed.table.expect("a table");
    assert_eq!(renewed.assignment(partition).epoch, epoch.next());
    assert!(
        run(
            &mut plane,
            now,
            Input::Report(Report::Room(true)),
            &mut sent
        )
        .is_none(),
        "nothing is new"
    );
}

#[test]
fn who_joins_asks_those_that_answer_under_the_names_that_it_was_told() {
    let mut plane = plane(3, &[]);
    let mut sent = Vec::new();
    let through = Input::Join(BTreeSet::from(["n1".to_owned()]));
    run(&mut plane, Time(0), through, &mut sent);
    run(&mut plane, Time(0), Input::Met(member(2)), &mut sent);
    assert!(sent.is_empty(), "{sent:?}");
    run(&mut plane, Time(0), Input::Met(member(1)), &mut sent);
    let due = plane.deadline().expect("it asks");
    run(&mut plane, due, Input::Tick, &mut sent);
    assert!(matches!(sent[..], [Message::Join { .. }]), "{sent:?}");
}
