//! All that a node says of why it takes no part, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kensho_protocol::coordinator::{Birth, Coordinator, Event, Message, Probing, Saved};
use kensho_protocol::ids::{Epoch, Life, NodeId, Revision, Term};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::settings::Settings;
use kensho_protocol::table::{Assignment, Identity, Member, Stamp, Table};

use super::*;

const HEARTBEAT: Duration = Duration::from_millis(100);
const START: Time = Time(1_000_000_000);

fn member(n: u32) -> Member {
    Member {
        id: NodeId(n),
        name: format!("n{n}"),
        client_address: format!("host{n}:1"),
        peer_address: format!("host{n}:2"),
    }
}

fn members(ids: &[u32]) -> BTreeMap<NodeId, Member> {
    ids.iter().map(|n| (NodeId(*n), member(*n))).collect()
}

fn identity(partitions: u16) -> Identity {
    Identity {
        cluster: "c".to_owned(),
        partitions,
        replicas: 3,
        outcomes: OutcomeLimits::default(),
    }
}

fn table(term: u64, ids: &[u32]) -> Arc<Table> {
    let owner = NodeId(ids[0]);
    Arc::new(Table {
        stamp: Stamp {
            term: Term(term),
            revision: Revision(7),
            life: Life::default(),
        },
        born: true,
        identity: identity(1),
        members: members(ids),
        partitions: vec![Assignment {
            epoch: Epoch(1),
            owner,
            in_sync: [(owner, kensho_protocol::ids::Incarnation(0))].into(),
            ..Assignment::default()
        }],
        levelling: kensho_protocol::settings::Levelling::default(),
    })
}

/// What came out of a node's log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Node 1 of a cluster of three, as far as it is a control plane.
struct Node {
    coordinator: Coordinator,
    absence: Absence,
    through: BTreeSet<String>,
    troubles: BTreeMap<String, String>,
    now: Time,
}

impl Node {
    /// The start number `counter` of one that has `accepted` a table.
    fn started(accepted: Option<Arc<Table>>, counter: u64, distrust_disks: bool) -> Self {
        let settings = Settings {
            distrust_disks,
            ..Settings::with_heartbeat(HEARTBEAT)
        };
        let saved = Saved {
            term: Term(if accepted.is_some() { 4 } else { 0 }),
            accepted,
        };
        let birth = Birth {
            identity: identity(1),
            members: BTreeMap::new(),
        };
        let life = Life { counter, nonce: 5 };
        Node {
            coordinator: Coordinator::new(settings, member(1), 0, birth, saved, life, 1, START),
            absence: Absence::from(START),
            through: BTreeSet::new(),
            troubles: BTreeMap::new(),
            now: START,
        }
    }

    fn trouble(mut self, name: &str, trouble: &str) -> Self {
        let text = format!("{name} at host:2: {trouble}");
        self.troubles.insert(name.to_owned(), text);
        self
    }

    fn hears(&mut self, from: u32, message: Message) {
        let from = NodeId(from);
        self.hand(Event::Message { from, message });
    }

    /// All writes are on disk at once.
    fn hand(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut out = Vec::new();
            self.coordinator.handle(self.now, event, &mut out);
            events.extend(out.into_iter().filter_map(|output| match output {
                kensho_protocol::coordinator::Output::Save { ticket, .. } => {
                    Some(Event::Saved(ticket))
                }
                _ => None,
            }));
        }
    }

    fn look(&mut self) -> Option<Why> {
        let initial = (1..=3).map(|n| member(n).name).collect();
        let troubles = &self.troubles;
        let situation = Situation {
            coordinator: &self.coordinator,
            me: &member(1),
            initial: &initial,
            through: &self.through,
            trouble: &|name| troubles.get(name).cloned(),
        };
        self.absence.look(self.now, &situation)
    }

    /// What it says for `time`, looked at as often as in a node; each line with its time.
    fn says_for(&mut self, time: Duration) -> Vec<(Duration, String)> {
        let (begin, mut said) = (self.now, Vec::new());
        while self.now.since(begin) < time {
            let lines = Lines::default();
            let writer = lines.clone();
            let log = tracing_subscriber::fmt()
                .without_time()
                .with_target(false)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::with_default(log, || self.look());
            let text = lines.0.lock().expect("nobody panicked");
            let text = String::from_utf8_lossy(&text);
            let at = self.now.since(begin);
            said.extend(text.lines().map(|line| (at, line.trim().to_owned())));
            self.now = self.now + LOOK_INTERVAL;
        }
        said
    }

    /// It says `text`, and nothing else, after five seconds, and then each minute.
    fn always_says(mut self, text: &str) {
        let said = self.says_for(Duration::from_secs(190));
        let line = |seconds| (Duration::from_secs(seconds), format!("WARN {text}"));
        assert_eq!(said, [5, 65, 125, 185].map(line));
        let why = self.look().expect("it takes no part");
        assert!(text.ends_with(why.text()), "{why:?}");
    }
}

#[test]
fn a_seed_that_nobody_listens_at_or_that_has_no_address_is_named() {
    for trouble in [
        "nobody listens there",
        "failed to lookup address information: Name or service not known",
    ] {
        let mut node = Node::started(None, 1, false).trouble("n9", trouble);
        node.through = BTreeSet::from(["n9".to_owned()]);
        node.always_says(&format!(
            "this node is no member of its cluster: no connection to n9 at host:2: {trouble}"
        ));
    }
}

/// As the other node says it (`peer/hello.rs`).
#[test]
fn a_refused_name_and_refused_settings_are_told_as_the_other_node_tells_them() {
    for refusal in [
        "the name n1 belongs to the member with identity 7",
        "node n1 has partitions 16, but node n2 has partitions 8",
    ] {
        let refusal = format!("refused with status 409 Conflict: {refusal}");
        let node = Node::started(None, 1, false).trouble("n2", &refusal);
        node.always_says(&format!(
            "this node is no member of its cluster: no connection to n2 at host:2: {refusal}"
        ));
    }
}

#[test]
fn what_the_master_says_is_told_as_long_as_it_says_so() {
    let mut node = Node::started(None, 1, false);
    node.through = BTreeSet::from(["n2".to_owned()]);
    let holder = NodeId(7);
    for why in [
        Refusal::NameTaken { holder },
        Refusal::Identity {
            theirs: identity(16),
            ours: identity(8),
        },
    ] {
        node.absence.refused(node.now, &why);
        let said = node.look().expect("it is no member");
        let text = format!("the master does not take it: {why}");
        assert_eq!(said, Why::NoMember(text));
    }
    node.now = node.now + SAY_INTERVAL;
    let said = node.look().expect("it is no member");
    let text = "it has asked, and waits for an answer".to_owned();
    assert_eq!(said, Why::NoMember(text));
}

#[test]
fn one_with_an_empty_folder_is_told_what_to_type() {
    Node::started(None, 1, false).always_says(
        "this node is no member of its cluster: it waits for the first table of the cluster",
    );
    let mut node = Node::started(None, 1, false);
    node.hand(Event::Roster(members(&[1, 2, 3])));
    node.now = node.now + HEARTBEAT * 20;
    node.hand(Event::Tick);
    let probing = Probing {
        term: Term(0),
        attempt: 0,
    };
    node.hears(
        2,
        Message::MissedAnswer {
            probing,
            term: Term(4),
            missed: false,
            born: true,
        },
    );
    assert!(node.coordinator.is_joiner());
    node.absence = Absence::from(node.now);
    node.always_says(
        "this node is no member of its cluster: its data folder is empty, and the cluster exists already; to \
         have it join: curl -X POST http://host1:1/node/join -d '{\"through\": [{\"name\": NAME, \"peer\": \
         ADDRESS}]}' with a member's name and peer address, or start it with --join instead of --member",
    );
}

#[test]
fn one_that_was_removed_is_told_how_it_comes_back() {
    let mut node = Node::started(Some(table(3, &[1, 2])), 1, false);
    node.hears(2, Message::Dismissed(table(4, &[2])));
    node.always_says(
        "this node is no member of its cluster: it was removed; to have it join again: curl -X POST \
         http://host1:1/node/join -d '{\"through\": [{\"name\": NAME, \"peer\": ADDRESS}]}' with a member's \
         name and peer address",
    );
}

#[test]
fn one_that_waits_for_a_master_says_whom_it_does_not_reach() {
    Node::started(Some(table(3, &[1, 2])), 1, false)
        .always_says("this node is no member of its cluster: it waits for a master");
    Node::started(Some(table(3, &[1, 2])), 1, false)
        .trouble("n2", "nobody listens there")
        .always_says(
            "this node is no member of its cluster: it hears no master; no connection to n2 at host:2: nobody \
             listens there",
        );
}

/// Five seconds pass before it counts as waiting at all.
fn waits_and_says(mut node: Node, text: &str) {
    let said = node.says_for(Duration::from_secs(130));
    let waits: Vec<_> = said.iter().filter(|(_, l)| l.contains("waits: ")).collect();
    let times: Vec<u64> = waits.iter().map(|(at, _)| at.as_secs()).collect();
    assert!(times.len() >= 2, "{said:?}");
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] == 60),
        "{said:?}"
    );
    for (_, line) in waits {
        assert_eq!(*line, format!("WARN this node waits: {text}"));
    }
}

#[test]
fn one_that_waits_to_hear_voters_names_them() {
    let text = "it was started anew, and its data folder may be an older copy, so that it votes only when it has \
                heard 2 more of these members: n2 at host:2: nobody listens there (no connection), n3. Start \
                them, or see that it reaches them; if they are lost for good, and this data folder is no older \
                copy, start this node with distrust_disks = false until it is part of a quorum";
    let node = Node::started(Some(table(3, &[1, 2, 3])), 2, true);
    waits_and_says(node.trouble("n2", "nobody listens there"), text);
    let mut node = Node::started(Some(table(3, &[1, 2, 3])), 2, false);
    node.now = node.now + HEARTBEAT * 4;
    node.hand(Event::Tick);
    assert_eq!(
        node.coordinator.waits_for(),
        None,
        "it goes on after 3 heartbeats"
    );
}

#[test]
fn one_that_waits_for_a_table_names_it() {
    let mut node = Node::started(Some(table(3, &[1, 2, 3])), 2, true);
    node.hand(Event::Tick);
    let life = Life {
        counter: 2,
        nonce: 5,
    };
    for other in [2, 3] {
        let accepted = table(5, &[1, 2, 3]).stamp;
        let term = Term(5);
        node.hears(
            other,
            Message::Recalled {
                life,
                term,
                accepted,
            },
        );
    }
    waits_and_says(
        node,
        "other members had a newer partition table (term 5, revision 7) than its own when it started; it takes \
         no role before it has that. A master will send it, when there is one",
    );
}

#[test]
fn a_master_whose_table_is_accepted_by_too_few_names_the_others() {
    let mut node = Node::started(Some(table(3, &[1, 2, 3])), 1, false);
    node.now = node.now + HEARTBEAT * 20;
    node.hears(
        2,
        Message::Begin {
            term: Term(5),
            absent: BTreeSet::new(),
        },
    );
    for other in [2, 3] {
        let tokens = BTreeSet::from([NodeId(other)]);
        node.hears(
            other,
            Message::Yield {
                term: Term(5),
                tokens,
            },
        );
    }
    waits_and_says(
        node,
        "it is master, and its partition table (term 5, revision 7) takes effect only when 1 more of these \
         members have it on disk: n2, n3. Start them, or see that it reaches them",
    );
}

#[test]
fn a_member_that_takes_part_says_nothing() {
    let mut node = Node::started(Some(table(3, &[1])), 1, false);
    node.now = node.now + HEARTBEAT * 20;
    node.hand(Event::Tick);
    assert_eq!(node.says_for(Duration::from_secs(130)), []);
    assert_eq!(node.look(), None);
}
