//! Sessions in virtual time, against nodes that answer what the test says.

use proptest::prelude::*;

use super::*;
use crate::ids::{Epoch, Life, Lsn, Revision, Term};
use crate::table::Stamp;

const HASH: u32 = 4;

/// A session with three members, and what it wants done.
struct Client {
    session: Session,
    now: Time,
    out: Vec<Output>,
}

fn at(lsn: u64) -> Position {
    Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    }
}

fn address(node: u16) -> Address {
    format!("node-{node}:1").into()
}

/// A table by which `owner` owns everything.
fn table(revision: u64, owner: Option<u16>) -> Arc<Directory> {
    let stamp = Stamp {
        term: Term(1),
        revision: Revision(revision),
        life: Life::default(),
    };
    let nodes = (0..3).map(address).collect();
    Arc::new(Directory::new(stamp, nodes, vec![owner; 8]))
}

impl Client {
    fn new() -> Self {
        Client {
            session: Session::new(Settings::default(), (0..3).map(address).collect(), 7),
            now: Time(1_000_000_000),
            out: Vec::new(),
        }
    }

    /// With a table by which node 0 owns everything.
    fn ready() -> Self {
        let mut client = Client::new();
        client.run(99, Kind::Read);
        client.fetched(table(1, Some(0)));
        client.answer(99, Answer::Final { at: None });
        assert_eq!(client.session.counters().table_fetches, 1);
        client
    }

    fn handle(&mut self, event: Event) {
        self.out.clear();
        self.session.handle(self.now, event, &mut self.out);
    }

    fn run(&mut self, token: u64, kind: Kind) {
        self.handle(Event::Run {
            token: Token(token),
            hash: HASH,
            kind,
        });
    }

    /// Answers the last attempt.
    fn answer(&mut self, token: u64, answer: Answer) {
        let token = Token(token);
        let attempt = self.session.statements[&token].attempts;
        self.handle(Event::Answered {
            token,
            attempt,
            answer,
        });
    }

    fn fetched(&mut self, table: Arc<Directory>) {
        let from = self.session.fetch.as_ref().expect("a fetch").from.clone();
        self.handle(Event::Table {
            from,
            directory: Some(table),
        });
    }

    /// Lets time pass until the session wants something.
    fn tick(&mut self) {
        self.now = self.session.deadline().expect("a deadline").max(self.now);
        self.handle(Event::Tick);
    }

    /// The only statement sent: where to, and as what.
    fn sent(&self) -> (Address, Option<RequestId>, Position) {
        let mut sent = self.out.iter().filter_map(|output| match output {
            Output::Send { to, id, as_of, .. } => Some((to.clone(), *id, *as_of)),
            _ => None,
        });
        let first = sent.next().expect("a statement is sent");
        assert_eq!(sent.next(), None);
        first
    }

    fn finished(&self) -> Option<Result<(), Failure>> {
        self.out.iter().find_map(|output| match output {
            Output::Finish { result, .. } => Some(result.clone()),
            _ => None,
        })
    }
}

#[test]
fn the_table_is_fetched_once_while_nothing_fails() {
    let mut client = Client::new();
    for token in 0..100 {
        client.run(token, Kind::Update);
        if token == 0 {
            client.fetched(table(1, Some(2)));
        }
        assert_eq!(client.sent().0, address(2));
        client.answer(token, Answer::Final { at: Some(at(1)) });
        assert_eq!(client.finished(), Some(Ok(())));
    }
    let counters = client.session.counters();
    assert_eq!((counters.table_fetches, counters.attempts), (1, 100));
    assert_eq!(client.session.open_statements(), 0);
    assert_eq!(client.session.deadline(), None);
}

#[test]
fn an_update_keeps_its_number_wherever_it_is_sent() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    let (to, id, _) = client.sent();
    assert_eq!(to, address(0));
    for answer in [
        Answer::Unreachable,
        Answer::Lost,
        Answer::Refused(Refusal::Overloaded),
        Answer::Refused(Refusal::NotOwner),
        Answer::Refused(Refusal::OutcomeUnknown),
    ] {
        client.answer(1, answer);
        if client.session.fetch.is_some() {
            client.fetched(table(1, Some(0)));
        }
        client.tick();
        assert_eq!(client.sent().1, id, "after {answer:?}");
    }
}

#[test]
fn a_moved_partition_is_followed_at_once() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    client.answer(1, Answer::Unreachable);
    assert_ne!(
        client.session.fetch.as_ref().map(|f| f.from.clone()),
        Some(address(0)),
        "the node that failed is not the one to ask"
    );
    client.fetched(table(2, Some(1)));
    assert_eq!(client.sent().0, address(1));
}

#[test]
fn the_node_that_is_not_owner_is_asked_first_but_not_forever() {
    let mut client = Client::ready();
    client.run(1, Kind::Read);
    client.answer(1, Answer::Refused(Refusal::NotOwner));
    let first = client.session.fetch.clone().expect("a fetch").from;
    assert_eq!(first, address(0));
    client.fetched(table(1, Some(0)));
    client.tick();
    client.answer(1, Answer::Refused(Refusal::NotOwner));
    let second = client.session.fetch.clone().expect("a fetch").from;
    assert_ne!(second, address(0));
}

#[test]
fn an_older_table_is_not_taken() {
    let mut client = Client::ready();
    client.run(1, Kind::Read);
    client.answer(1, Answer::Unreachable);
    client.fetched(table(0, Some(1)));
    client.tick();
    assert_eq!(client.sent().0, address(0));
}

#[test]
fn a_silent_owner_is_left_when_the_table_names_another() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    let (_, id, _) = client.sent();
    client.tick();
    assert!(matches!(&client.out[..], [Output::FetchTable { from }] if *from != address(0)));
    client.fetched(table(1, Some(0)));
    assert_eq!(client.out, [], "the owner is the same: go on waiting");
    client.tick();
    client.fetched(table(2, Some(2)));
    assert_eq!(client.out[0], Output::Abandon { token: Token(1) });
    assert_eq!((client.sent().0, client.sent().1), (address(2), id));
    // What the first owner says now comes too late.
    client.handle(Event::Answered {
        token: Token(1),
        attempt: 1,
        answer: Answer::Final { at: None },
    });
    assert_eq!(client.out, []);
    client.answer(1, Answer::Final { at: None });
    assert_eq!(client.finished(), Some(Ok(())));
}

#[test]
fn a_node_that_does_not_give_its_table_is_passed_over() {
    let mut client = Client::new();
    client.run(1, Kind::Read);
    let mut asked = std::collections::BTreeSet::new();
    for _ in 0..3 {
        asked.insert(client.session.fetch.clone().expect("a fetch").from);
        client.tick();
        if client.session.fetch.is_none() {
            client.tick();
        }
    }
    assert_eq!(asked.len(), 3);
}

/// Runs a statement whose every attempt goes like this, until it ends.
fn give_up(kind: Kind, answers: &[Answer]) -> Failure {
    let mut client = Client::ready();
    let start = client.now;
    client.run(1, kind);
    for step in 0.. {
        if let Some(result) = client.finished() {
            let limit = Settings::default().failover_timeout;
            assert!(client.now.since(start) >= limit, "it gave up too early");
            assert!(client.now.since(start) <= limit + Settings::default().backoff_max);
            return result.expect_err("nothing succeeded");
        }
        let stage = client.session.statements[&Token(1)].stage;
        if matches!(stage, Stage::Sent { .. }) {
            client.answer(1, answers[step % answers.len()]);
        } else if client.session.fetch.is_some() {
            client.fetched(table(1, Some(0)));
        } else {
            client.tick();
        }
    }
    unreachable!()
}

#[test]
fn a_failure_is_definite_only_if_no_attempt_can_have_had_an_effect() {
    let refused = Answer::Refused(Refusal::NotServing);
    assert!(give_up(Kind::Update, &[Answer::Unreachable]).definite);
    assert!(
        give_up(
            Kind::Update,
            &[refused, Answer::Refused(Refusal::Overloaded)]
        )
        .definite
    );
    assert!(!give_up(Kind::Update, &[Answer::Lost, refused, refused]).definite);
    let unknown = Answer::Refused(Refusal::OutcomeUnknown);
    assert!(!give_up(Kind::Update, &[unknown, refused]).definite);
    assert!(give_up(Kind::Read, &[Answer::Lost, unknown]).definite);
}

#[test]
fn without_any_table_it_gives_up_in_time() {
    let mut client = Client::new();
    client.run(1, Kind::Update);
    let mut result = None;
    while result.is_none() {
        client.tick();
        result = client.finished();
    }
    let failure = result.expect("it ended").expect_err("no node answers");
    assert!(failure.definite);
    assert_eq!((failure.attempts, failure.trouble), (0, Trouble::NoOwner));
}

#[test]
fn a_new_statement_is_renumbered_when_outcomes_were_forgotten() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    let (_, first, as_of) = client.sent();
    assert_eq!(as_of, Position::default());
    client.answer(1, Answer::Refused(Refusal::OutcomeForgotten { now: at(9) }));
    let (_, second, as_of) = client.sent();
    assert_eq!(as_of, at(9));
    assert_ne!(first, second);
    client.answer(1, Answer::Final { at: Some(at(12)) });
    client.run(2, Kind::Update);
    assert_eq!(client.sent().2, at(12));
}

#[test]
fn a_retry_is_never_renumbered() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    client.answer(1, Answer::Lost);
    client.fetched(table(1, Some(0)));
    client.tick();
    client.answer(1, Answer::Refused(Refusal::OutcomeForgotten { now: at(9) }));
    let failure = client.finished().expect("it ended").expect_err("unknown");
    assert!(!failure.definite);
}

#[test]
fn statements_at_the_same_time_have_different_clients() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    let first = client.sent().1.expect("an id");
    client.run(2, Kind::Update);
    let second = client.sent().1.expect("an id");
    assert_ne!(first.client, second.client);
    client.answer(1, Answer::Final { at: None });
    client.run(3, Kind::Update);
    let third = client.sent().1.expect("an id");
    assert_eq!(third.client, first.client);
    assert_eq!(third.sequence, first.sequence.next());
    client.run(4, Kind::Read);
    assert_eq!(client.sent().1, None);
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Final { at: Some(at(3)) }),
        Just(Answer::Refused(Refusal::Overloaded)),
        Just(Answer::Unreachable),
        Just(Answer::Lost),
        Just(Answer::Refused(Refusal::NotOwner)),
        Just(Answer::Refused(Refusal::NotServing)),
        Just(Answer::Refused(Refusal::OutcomeUnknown)),
        Just(Answer::Refused(Refusal::OutcomeForgotten { now: at(5) })),
    ]
}

proptest! {
    /// Whatever happens, each statement ends once and in time, is renumbered only while no attempt
    /// can have had an effect, and the session never forgets to ask for a tick.
    #[test]
    fn every_statement_ends_once_and_in_time(
        steps in prop::collection::vec((0..6_u8, 0..4_u64, answers(), 0..4_u16), 1..120),
    ) {
        let mut client = Client::new();
        let mut open = BTreeMap::new();
        let mut next = 0;
        let mut steps = steps.into_iter();
        loop {
            let step = steps.next();
            if step.is_none() && open.is_empty() {
                break;
            }
            let (what, pick, answer, owner) = step.unwrap_or((5, 0, Answer::Lost, 3));
            let sent = open.keys().copied().nth(usize::try_from(pick).unwrap()).filter(|t| {
                matches!(client.session.statements[&Token(*t)].stage, Stage::Sent { .. })
            });
            match (what, sent) {
                (0, _) => {
                    next += 1;
                    open.insert(next, (client.now, None::<RequestId>, false));
                    client.run(next, if pick == 0 { Kind::Read } else { Kind::Update });
                }
                (1 | 2, Some(token)) => {
                    let entry = open.get_mut(&token).unwrap();
                    entry.2 |= matches!(
                        answer,
                        Answer::Lost | Answer::Refused(Refusal::OutcomeUnknown)
                    );
                    client.answer(token, answer);
                }
                (3, _) if client.session.fetch.is_some() => {
                    client.fetched(table(u64::from(owner), Some(owner).filter(|o| *o < 3)));
                }
                (4, _) if client.session.fetch.is_some() => {
                    let from = client.session.fetch.clone().unwrap().from;
                    client.handle(Event::NoTable { from });
                }
                _ if open.is_empty() => {}
                _ => client.tick(),
            }
            for output in std::mem::take(&mut client.out) {
                match output {
                    Output::Send { token, id, .. } => {
                        let (_, before, uncertain) = open.get_mut(&token.0).unwrap();
                        prop_assert!(before.is_none() || *before == id || !*uncertain);
                        *before = id;
                    }
                    Output::Abandon { token } => open.get_mut(&token.0).unwrap().2 = true,
                    Output::Finish { token, result } => {
                        let (start, id, uncertain) = open.remove(&token.0).unwrap();
                        let limit = Settings::default().failover_timeout;
                        prop_assert!(client.now.since(start) <= limit);
                        if let Err(failure) = result {
                            prop_assert_eq!(failure.definite, id.is_none() || !uncertain);
                        }
                    }
                    Output::FetchTable { .. } => {}
                }
            }
            prop_assert_eq!(open.len(), client.session.open_statements());
        }
    }
}

/// A table by which node 0 owns everything, and the others are backups.
fn replicated() -> Arc<Directory> {
    let directory = Arc::unwrap_or_clone(table(2, Some(0)));
    Arc::new(directory.with_backups(vec![vec![1, 2]; 8]))
}

#[test]
fn reads_that_anybody_may_answer_are_spread_and_others_are_not() {
    let mut client = Client::ready();
    client.session.directory = Some(replicated());
    let mut asked = std::collections::BTreeSet::new();
    for token in 0..50 {
        client.run(token, Kind::ReadAny(Preference::Any));
        asked.insert(client.sent().0);
        client.answer(
            token,
            Answer::Final {
                at: Some(at(token)),
            },
        );
    }
    assert_eq!(asked.len(), 3);
    client.run(50, Kind::ReadAny(Preference::Any));
    assert_eq!(client.sent().2, at(49), "what the session has seen");
    for (token, kind) in [(51, Kind::Read), (52, Kind::Update)] {
        client.run(token, kind);
        assert_eq!(client.sent().0, address(0));
    }
}

#[test]
fn a_backup_that_is_gone_or_behind_costs_no_wait() {
    let mut client = Client::ready();
    client.session.directory = Some(replicated());
    client.run(1, Kind::ReadAny(Preference::Any));
    let (first, ..) = client.sent();
    client.answer(1, Answer::Unreachable);
    let (second, ..) = client.sent();
    assert_ne!(first, second);
    client.answer(1, Answer::Refused(Refusal::Behind));
    assert_eq!(client.sent().0, address(0), "the owner can answer");
    client.answer(1, Answer::Final { at: None });
    assert_eq!(client.finished(), Some(Ok(())));
    assert_eq!(client.session.counters().table_fetches, 1);
}

#[test]
fn the_nearest_is_asked_until_it_fails() {
    let mut client = Client::ready();
    client.session.directory = Some(replicated());
    let near = address(2);
    let mut asked = Vec::new();
    for token in 0..20 {
        client.run(token, Kind::ReadAny(Preference::Nearest));
        let (to, ..) = client.sent();
        let ms = if to == near { 1 } else { 30 };
        client.now = client.now + Duration::from_millis(ms);
        asked.push(to);
        client.answer(token, Answer::Final { at: None });
    }
    assert!(asked[3..].iter().all(|node| *node == near), "{asked:?}");
    client.run(20, Kind::ReadAny(Preference::Nearest));
    client.answer(20, Answer::Unreachable);
    assert_ne!(client.sent().0, near);
}

#[test]
fn what_was_lost_is_told_once_and_the_session_goes_on() {
    let mut client = Client::ready();
    client.run(1, Kind::Update);
    client.answer(1, Answer::Final { at: Some(at(7)) });
    assert_eq!(client.session.seen(HASH), Some(at(7)));
    client.run(2, Kind::ReadAny(Preference::Any));
    client.answer(2, Answer::Refused(Refusal::SeenLost));
    let failure = client.finished().expect("it ends").expect_err("by name");
    assert!(failure.definite);
    assert_eq!(failure.trouble, Trouble::Refused(Refusal::SeenLost));
    client.run(3, Kind::ReadAny(Preference::Any));
    assert_eq!(client.sent().2, Position::default());
}

#[test]
fn what_another_session_has_seen_counts_also_before_there_is_a_table() {
    let mut client = Client::new();
    client.handle(Event::Seen {
        hash: HASH,
        at: at(5),
    });
    client.run(1, Kind::ReadAny(Preference::Any));
    client.fetched(replicated());
    assert_eq!(client.sent().2, at(5));
}
