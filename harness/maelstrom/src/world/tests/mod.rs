//! Whole runs in virtual time, with nodes that live in the test.

mod broadcast;
mod protocol;

use clap::ValueEnum;
use kensho_checker::history::{History, Kind};
use kensho_checker::judge;
use kensho_checker::report::Report;
use serde_json::{Value, json};

use super::*;
use crate::fault;
use crate::workload::{Name, Options, Topology};

const MS: u64 = 1_000_000;

/// A node of the test: it answers with bodies, and to whom.
type Behaviour = dyn FnMut(usize, &Message) -> Vec<(String, Value)>;

struct Played {
    events: Vec<Event>,
    remains: Remains,
    /// When everything was over.
    end: u64,
}

impl Played {
    fn report(&self, model: &str) -> Report {
        let history = History::from_events(&self.events);
        let model = judge::Model::named(model).unwrap();
        judge::judge(&history, model, &judge::Settings::default())
    }

    fn outcomes(&self, f: &str) -> [usize; 3] {
        [Kind::Ok, Kind::Fail, Kind::Info].map(|kind| {
            let own = self
                .events
                .iter()
                .filter(|event| event.f == f && event.kind == kind);
            own.count()
        })
    }
}

fn settings(seed: u64) -> Settings {
    Settings {
        nodes: (1..=3).map(|number| format!("n{number}")).collect(),
        clients: 3,
        rate: Rate::PerSecond(100.0),
        length_ns: 5_000 * MS,
        conditions: Conditions::PERFECT,
        faults: Vec::new(),
        call_timeout_ns: 1_000 * MS,
        setup_timeout_ns: 10_000 * MS,
        recovery_ns: 10_000 * MS,
        seed,
        log_net_send: false,
        log_net_recv: false,
    }
}

/// Plays a run to its end. A node that is killed or paused hears nothing; what a paused one is told
/// it hears when it goes on.
fn play(settings: Settings, name: Name, behaviour: &mut Behaviour) -> Played {
    play_on(Topology::Total, settings, name, behaviour)
}

fn play_on(
    topology: Topology,
    settings: Settings,
    name: Name,
    behaviour: &mut Behaviour,
) -> Played {
    let options = Options {
        nodes: settings.nodes.clone(),
        topology,
        key_count: None,
        max_txn_length: 4,
        max_writes_per_key: 16,
    };
    let names = settings.nodes.clone();
    let mut world = World::new(settings, name.build(&options));
    let mut events = Vec::new();
    let mut held: Vec<Option<Vec<String>>> = names.iter().map(|_| None).collect();
    let mut now = 0;
    world.start(now);
    while !world.is_over() {
        let mut delivered = Vec::new();
        for order in world.take_orders() {
            match order {
                Order::Pause(node) => held[node] = Some(Vec::new()),
                Order::Start(node) | Order::Kill(node) => held[node] = None,
                Order::Resume(node) => {
                    let lines = held[node].take().unwrap_or_default();
                    delivered.extend(lines.into_iter().map(|line| (node, line)));
                }
                Order::Deliver(node, line) => match &mut held[node] {
                    Some(lines) => lines.push(line),
                    None => delivered.push((node, line)),
                },
            }
        }
        let quiet = delivered.is_empty();
        for (node, line) in delivered {
            let message = Message::parse(&line).unwrap();
            for (dest, body) in behaviour(node, &message) {
                let src = names[node].clone();
                world.node_said(now, node, Message { src, dest, body }.line());
            }
        }
        events.extend(world.take_events());
        if quiet {
            now = world
                .deadline()
                .expect("something is always to come")
                .max(now);
        }
        world.tick(now);
    }
    events.extend(world.take_events());
    Played {
        events,
        remains: world.into_remains(),
        end: now,
    }
}

fn reply(message: &Message, mut body: Value) -> (String, Value) {
    body["in_reply_to"] = message.body["msg_id"].clone();
    (message.src.clone(), body)
}

/// Answers `init`, and leaves the rest to another one.
fn initialised(
    mut rest: impl FnMut(usize, &Message) -> Vec<(String, Value)>,
) -> impl FnMut(usize, &Message) -> Vec<(String, Value)> {
    move |node, message| match crate::body::kind(&message.body) {
        "init" => vec![reply(message, json!({"type": "init_ok"}))],
        "topology" => vec![reply(message, json!({"type": "topology_ok"}))],
        _ => rest(node, message),
    }
}

fn echo(_: usize, message: &Message) -> Vec<(String, Value)> {
    vec![reply(
        message,
        json!({"type": "echo_ok", "echo": message.body["echo"]}),
    )]
}

/// Passes everything on to a service, and its answers back.
fn proxy(service: &'static str) -> impl FnMut(usize, &Message) -> Vec<(String, Value)> {
    let mut open: HashMap<(usize, u64), Message> = HashMap::new();
    let mut next = 0;
    move |node, message| {
        if let Some(id) = crate::body::in_reply_to(&message.body) {
            let asked = open.remove(&(node, id));
            return asked
                .map(|asked| reply(&asked, message.body.clone()))
                .into_iter()
                .collect();
        }
        next += 1;
        open.insert((node, next), message.clone());
        let mut body = message.body.clone();
        body["msg_id"] = next.into();
        vec![(service.to_owned(), body)]
    }
}

#[test]
fn a_run_has_the_operations_that_its_rate_asks_for_and_ends() {
    let played = play(settings(1), Name::Echo, &mut initialised(echo));
    let [ok, fail, info] = played.outcomes("echo");
    assert!((400..600).contains(&ok), "{ok}");
    assert_eq!((fail, info), (0, 0));
    assert_eq!(played.end, 5_000 * MS);
    assert!(played.report("echo").is_valid());
    assert!(played.events.iter().map(|event| event.time).is_sorted());
}

#[test]
fn a_run_is_the_same_under_the_same_seed() {
    let run = |seed| {
        let conditions = Conditions {
            latency_ms: 20,
            distribution: crate::net::Distribution::Exponential,
            loss: 0.05,
            duplicate: 0.05,
            reorder: 0.05,
        };
        let settings = Settings {
            conditions,
            ..settings(seed)
        };
        play(settings, Name::LinKv, &mut initialised(proxy("lin-kv"))).events
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn services_are_judged_as_what_they_are() {
    for (service, valid) in [("lin-kv", true), ("seq-kv", false), ("lww-kv", false)] {
        let conditions = Conditions {
            latency_ms: 5,
            ..Conditions::PERFECT
        };
        let settings = Settings {
            conditions,
            ..settings(3)
        };
        let played = play(settings, Name::LinKv, &mut initialised(proxy(service)));
        assert_eq!(played.report("cas-register").is_valid(), valid, "{service}");
        for f in ["read", "write", "cas"] {
            assert!(played.outcomes(f)[0] > 10, "{f}");
        }
    }
}

#[test]
fn what_is_not_answered_is_of_unknown_outcome_unless_it_only_reads() {
    let mut count = 0;
    let mut node = initialised(proxy("lin-kv"));
    let mut forgetful = move |place: usize, message: &Message| {
        count += 1;
        match count % 10 {
            0 if count > 10 => Vec::new(),
            _ => node(place, message),
        }
    };
    let played = play(settings(5), Name::LinKv, &mut forgetful);
    let [_, _, unknown] = played.outcomes("write");
    assert!(unknown > 0);
    assert_eq!(played.outcomes("read")[2], 0);
    assert!(played.outcomes("read")[1] > 0);
    assert!(played.report("cas-register").is_valid());
    let last = played
        .events
        .iter()
        .rfind(|event| event.kind == Kind::Info)
        .unwrap();
    let Some(error) = &last.error else {
        panic!("{last:?}")
    };
    assert_eq!(error, "timeout: no answer within 1 s");
}

#[test]
fn faults_strike_and_everything_is_whole_in_the_end() {
    for seed in 0..20 {
        let kinds = fault::Kind::value_variants();
        let faults = fault::plan(kinds, 500 * MS, 5_000 * MS, seed);
        let planned = faults.len();
        let settings = Settings {
            faults,
            ..settings(seed)
        };
        let played = play(settings, Name::LinKv, &mut initialised(proxy("lin-kv")));
        assert_eq!(played.remains.trouble, None);
        assert_eq!(played.remains.faults.len(), planned);
        for kind in kinds {
            let own = played
                .remains
                .faults
                .iter()
                .filter(|fault| fault.name == kind.name());
            assert!(own.count() > 0);
        }
        let open: i64 = played
            .events
            .iter()
            .map(|event| match event.kind {
                _ if event.process == kensho_checker::history::Process::Nemesis => 0,
                Kind::Invoke => 1,
                _ => -1,
            })
            .sum();
        assert_eq!(open, 0, "every operation has ended");
        assert!(played.report("cas-register").is_valid(), "seed {seed}");
        let last = played.remains.faults.last().unwrap();
        assert!(last.health_after.values().all(|health| health != "down"));
    }
}

#[test]
fn a_node_that_is_down_refuses_for_certain() {
    let faults = vec![Planned {
        kind: fault::Kind::Kill,
        target: kensho_nemesis::fault::Target::All,
        shape: None,
        at_ns: 1_000 * MS,
        until_ns: 2_000 * MS,
        seed: 0,
    }];
    let settings = Settings {
        faults,
        ..settings(1)
    };
    let played = play(settings, Name::Echo, &mut initialised(echo));
    let refused: Vec<&Event> = played
        .events
        .iter()
        .filter(|event| event.kind == Kind::Fail)
        .collect();
    assert!(refused.len() > 50);
    for event in refused {
        assert!(
            (1_000 * MS..2_001 * MS).contains(&event.time),
            "{}",
            event.time
        );
        assert!(event.error.as_ref().unwrap().ends_with("is down"));
    }
    let began = played.remains.faults[0].clone();
    assert_eq!((began.start_ms, began.end_ms), (1_000, 2_000));
    assert_eq!(began.targets, ["n1", "n2", "n3"]);
}

#[test]
fn with_no_rate_at_all_nothing_is_asked() {
    let settings = Settings {
        rate: Rate::PerSecond(0.0),
        ..settings(1)
    };
    let played = play(settings, Name::Echo, &mut initialised(echo));
    assert!(played.events.is_empty());
    assert_eq!(played.end, 5_000 * MS);
}
