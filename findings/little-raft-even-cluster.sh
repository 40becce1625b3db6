#!/usr/bin/env bash
# little_raft 0.2.0 (crates.io), four replicas in one process; messages are delayed at first, none is lost afterwards.
# Guess: a leader of four has three votes, so there is at most one in a term (its documentation: any number of
# servers). True: two of four votes are a majority (the crate compares twice the votes with the number of the *other*
# replicas), so two replicas lead in the same term. What they append at one index bears the same term, so followers see
# no conflict and acknowledge to both: two transitions are reported as committed at the same place, and the state
# machines differ for good. With three or five replicas the count is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "even-cluster"
version = "0.0.0"
edition = "2021"
[dependencies]
little_raft = "=0.2.0"
crossbeam-channel = "=0.5.15"
TOML
cat > src/main.rs <<'RUST'
use crossbeam_channel::{unbounded, Sender};
use little_raft::cluster::Cluster;
use little_raft::message::Message;
use little_raft::replica::Replica;
use little_raft::state_machine::{Snapshot, StateMachine, StateMachineTransition, TransitionState};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const N: usize = 4;

#[derive(Clone, Debug)]
struct Write(&'static str);
impl StateMachineTransition for Write {
    type TransitionID = &'static str;
    fn get_id(&self) -> &'static str { self.0 }
}
type Packet = Message<Write, ()>;

/// What the main thread and the replicas share; `changed` is told of every change.
#[derive(Default)]
struct World {
    whole: bool, // are messages between all replicas delivered, or only votes within {0, 1} and {2, 3}?
    inbox: [Vec<Packet>; N],
    believes: [Option<usize>; N],
    asked: [Vec<Write>; N],
    applied: [Vec<&'static str>; N],
    committed: [Vec<&'static str>; N],
}
struct Shared { world: Mutex<World>, changed: Condvar }

impl Shared {
    fn change(&self, act: impl FnOnce(&mut World)) {
        act(&mut self.world.lock().unwrap());
        self.changed.notify_all();
    }
    fn wait(&self, what: &str, until: impl Fn(&World) -> bool) {
        let guard = self.world.lock().unwrap();
        let limit = Duration::from_secs(30);
        let (_guard, late) = self.changed.wait_timeout_while(guard, limit, |world| !until(world)).unwrap();
        assert!(!late.timed_out(), "changed: never seen: {what}");
    }
}

struct Net { me: usize, shared: Arc<Shared>, wake: Vec<Sender<()>> }
impl Cluster<Write, ()> for Net {
    fn send_message(&mut self, to: usize, message: Packet) {
        let vote = matches!(message, Message::VoteRequest { .. } | Message::VoteResponse { .. });
        self.shared.change(|world| {
            if world.whole || (vote && self.me / 2 == to / 2) {
                world.inbox[to].push(message);
            }
        });
        self.wake[to].send(()).unwrap();
    }
    fn receive_messages(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.shared.world.lock().unwrap().inbox[self.me])
    }
    fn halt(&self) -> bool { false }
    fn register_leader(&mut self, leader: Option<usize>) {
        self.shared.change(|world| world.believes[self.me] = leader);
    }
}

struct Machine { me: usize, shared: Arc<Shared> }
impl StateMachine<Write, ()> for Machine {
    fn register_transition_state(&mut self, id: &'static str, state: TransitionState) {
        if state == TransitionState::Committed && id != "noop" {
            self.shared.change(|world| world.committed[self.me].push(id));
        }
    }
    fn apply_transition(&mut self, write: Write) {
        if write.0 != "noop" {
            self.shared.change(|world| world.applied[self.me].push(write.0));
        }
    }
    fn get_pending_transitions(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.shared.world.lock().unwrap().asked[self.me])
    }
    fn get_snapshot(&mut self) -> Option<Snapshot<()>> { None }
    fn create_snapshot(&mut self, last_included_index: usize, last_included_term: usize) -> Snapshot<()> {
        Snapshot { last_included_index, last_included_term, data: () }
    }
    fn set_snapshot(&mut self, _: Snapshot<()>) {}
}

fn main() {
    let shared = Arc::new(Shared { world: Mutex::default(), changed: Condvar::new() });
    let (wake, woken): (Vec<_>, Vec<_>) = (0..N).map(|_| unbounded()).unzip();
    let (ask, asked): (Vec<_>, Vec<_>) = (0..N).map(|_| unbounded::<()>()).unzip();
    // Each replica stands for election when it starts, unless a message is there already: 0 and 2 stand, 1 and 3 vote.
    for me in 0..N {
        if me % 2 == 1 {
            shared.wait("a request for a vote", |world| !world.inbox[me].is_empty());
        }
        let cluster = Arc::new(Mutex::new(Net { me, shared: shared.clone(), wake: wake.clone() }));
        let machine = Arc::new(Mutex::new(Machine { me, shared: shared.clone() }));
        let (woken, asked) = (woken[me].clone(), asked[me].clone());
        std::thread::spawn(move || {
            let others = (0..N).filter(|&other| other != me).collect();
            let (beat, election) = (Duration::from_millis(50), Duration::from_secs(600));
            Replica::new(me, others, cluster, machine, 0, Write("noop"), beat, (election, election)).start(woken, asked);
        });
    }
    shared.wait("two leaders", |world| world.believes[0] == Some(0) && world.believes[2] == Some(2));
    println!("0 and 2 are leaders");
    shared.change(|world| world.whole = true);
    for (leader, write) in [(0, "a"), (2, "b")] {
        shared.change(|world| world.asked[leader].push(Write(write)));
        ask[leader].send(()).unwrap();
        shared.wait("applied", |world| world.applied[leader] == [write] && world.applied[1] == ["a"] && world.applied[3] == ["a"]);
    }
    let world = shared.world.lock().unwrap();
    println!("reported as committed: by 0 {:?}, by 2 {:?}", world.committed[0], world.committed[2]);
    println!("applied: {:?}", world.applied);
    std::process::exit(0);
}
RUST
timeout 300 cargo run --quiet | tee out
diff - out <<'OUT'
0 and 2 are leaders
reported as committed: by 0 ["a"], by 2 ["b"]
applied: [["a"], ["a"], ["b"], ["a"]]
OUT
echo 'as stated'
