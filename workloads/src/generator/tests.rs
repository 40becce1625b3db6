//! Each combinator, seen by what a simulated run of it performs.

use kensho_checker::history::Kind;
use proptest::prelude::*;

use super::{Generator, Thread, any, each_thread, mix, phases, reserve, sequence};
use crate::operation::Operation;
use crate::simulator::{Performed, simulate};

fn endless(f: &'static str) -> Generator {
    Generator::once(Operation::new(f)).repeat()
}

/// Every operation takes 10 ns and is ok.
fn run(generator: Generator, clients: usize) -> Vec<Performed> {
    simulate(generator, clients, 1000, |_| (10, Kind::Ok))
}

fn names(performed: &[Performed]) -> Vec<&'static str> {
    performed.iter().map(Performed::f).collect()
}

fn count(performed: &[Performed], f: &str) -> usize {
    performed.iter().filter(|p| p.f() == f).count()
}

#[test]
fn once_is_performed_once_and_repeat_without_end() {
    assert_eq!(
        names(&run(Generator::once(Operation::new("read")), 2)),
        ["read"]
    );
    assert_eq!(run(endless("read"), 2).len(), 1000);
}

#[test]
fn limit_counts_operations() {
    assert_eq!(run(endless("read").limit(7), 3).len(), 7);
}

#[test]
fn time_limit_ends_by_the_clock_even_if_nobody_completes() {
    let performed = run(endless("read").on_clients().time_limit(35), 1);
    assert_eq!(
        performed.iter().map(|p| p.begin).collect::<Vec<_>>(),
        [0, 10, 20, 30]
    );
    let stuck = simulate(endless("read").on_clients().time_limit(35), 2, 1000, |_| {
        (9000, Kind::Ok)
    });
    assert_eq!(stuck.len(), 2);
}

#[test]
fn time_limit_counts_from_when_it_is_reached() {
    let generator = endless("a")
        .time_limit(25)
        .then(endless("b").time_limit(25))
        .on_clients();
    let performed = run(generator, 1);
    assert_eq!(names(&performed), ["a", "a", "a", "b", "b"]);
    assert_eq!(
        performed[4].begin, 40,
        "the second limit began at 25, not at 0"
    );
}

#[test]
fn stagger_keeps_intended_times_when_clients_are_slow() {
    let intended = |latency| {
        let generator = endless("read").stagger(100, 7).limit(50).on_clients();
        let performed = simulate(generator, 1, 1000, |_| (latency, Kind::Ok));
        performed
            .iter()
            .map(|p| p.scheduled.time)
            .collect::<Vec<_>>()
    };
    assert_eq!(intended(1), intended(5_000));
    let mean = intended(1).last().unwrap() / 49;
    assert!(
        (70..130).contains(&mean),
        "on average 100 ns apart, not {mean}"
    );
}

#[test]
fn delay_spaces_operations_and_after_holds_them_back() {
    let begins = |generator: Generator| {
        run(generator.limit(3), 4)
            .iter()
            .map(|p| p.begin)
            .collect::<Vec<_>>()
    };
    assert_eq!(begins(endless("read").delay(100)), [0, 100, 200]);
    assert_eq!(begins(endless("read").after(70)), [70, 70, 70]);
    // Completions in between must not move the time that was settled when it was first asked.
    let busy = any([
        endless("read").after(70).on_nemesis().limit(1),
        endless("w").on_clients(),
    ]);
    let performed = run(busy, 2);
    let read = performed.iter().find(|p| p.f() == "read").unwrap();
    assert_eq!(read.begin, 70);
}

#[test]
fn a_companion_ends_with_its_lead() {
    let lead = phases([
        endless("kill").limit(1).not_before(50),
        endless("heal").limit(1),
    ]);
    let performed = run(lead.on_nemesis().alongside(endless("read").on_clients()), 1);
    let begins = |f: &str| -> Vec<u64> {
        performed
            .iter()
            .filter(|p| p.f() == f)
            .map(|p| p.begin)
            .collect()
    };
    assert_eq!((begins("kill"), begins("heal")), (vec![50], vec![60]));
    assert_eq!(begins("read"), [0, 10, 20, 30, 40, 50, 60]);
}

#[test]
fn mix_draws_evenly_and_drops_what_is_done() {
    let performed = run(mix([endless("read"), endless("write")], 3), 4);
    let reads = count(&performed, "read");
    assert!((400..600).contains(&reads), "{reads} of 1000");
    let performed = run(
        mix([endless("read").limit(2), endless("write").limit(5)], 3),
        4,
    );
    assert_eq!(
        (count(&performed, "read"), count(&performed, "write")),
        (2, 5)
    );
}

#[test]
fn sequence_overlaps_and_phases_do_not() {
    let (first, second) = (|| endless("a").limit(3), || endless("b").limit(1));
    let overlapping = run(sequence([first(), second()]), 1);
    assert_eq!(
        overlapping[3].begin, 10,
        "the second half of the first thing is still open"
    );
    let performed = run(phases([first(), second()]), 1);
    assert_eq!(names(&performed), ["a", "a", "a", "b"]);
    let end = performed[..3].iter().map(|p| p.end).max().unwrap();
    assert!(performed[3].begin >= end);
}

#[test]
fn each_thread_has_its_own_copy() {
    let performed = run(each_thread(endless("read").limit(2)).on_clients(), 3);
    for client in 0..3 {
        let own = performed
            .iter()
            .filter(|p| p.thread() == Thread::Client(client))
            .count();
        assert_eq!(own, 2);
    }
    assert_eq!(performed.len(), 6);
}

#[test]
fn reserve_divides_the_clients() {
    let generator = reserve(
        [
            (1, endless("write").limit(20)),
            (2, endless("cas").limit(20)),
        ],
        endless("read").limit(20),
    );
    let performed = run(generator, 6);
    let of = |f: &str| {
        let mut threads: Vec<Thread> = performed
            .iter()
            .filter(|p| p.f() == f)
            .map(Performed::thread)
            .collect();
        threads.sort_unstable();
        threads.dedup();
        threads
    };
    assert_eq!(of("write"), [Thread::Client(0)]);
    assert_eq!(of("cas"), [Thread::Client(1), Thread::Client(2)]);
    assert_eq!(
        of("read"),
        [Thread::Client(3), Thread::Client(4), Thread::Client(5)]
    );
}

#[test]
fn until_ok_stops_at_the_first_success_of_its_own() {
    let mut tries = 0;
    let generator = endless("read").concurrency_limit(1).until_ok().on_clients();
    let performed = simulate(generator, 3, 1000, |_| {
        tries += 1;
        (10, if tries == 4 { Kind::Ok } else { Kind::Fail })
    });
    assert_eq!(performed.len(), 4);
}

#[test]
fn concurrency_limit_bounds_what_is_open() {
    let performed = run(
        endless("read").concurrency_limit(2).limit(20).on_clients(),
        5,
    );
    for operation in &performed {
        let open = performed
            .iter()
            .filter(|p| p.begin <= operation.begin && operation.begin < p.end)
            .count();
        assert!(open <= 2);
    }
    assert_eq!(performed.len(), 20);
}

#[test]
fn clients_and_nemesis_keep_to_themselves() {
    let performed = run(
        any([endless("read").on_clients(), endless("kill").on_nemesis()]),
        3,
    );
    assert!(
        performed
            .iter()
            .all(|p| (p.thread() == Thread::Nemesis) == (p.f() == "kill"))
    );
    assert!(count(&performed, "kill") > 0 && count(&performed, "read") > 0);
}

#[test]
fn the_thread_idle_longest_goes_first() {
    let performed = run(endless("read").delay(25).on_clients().limit(6), 3);
    let threads: Vec<Thread> = performed.iter().map(Performed::thread).collect();
    assert_eq!(threads, [0, 1, 2, 0, 1, 2].map(Thread::Client));
}

proptest! {
    /// The same seed gives the same run, and asking is free of effects.
    #[test]
    fn a_generator_is_a_value(seed: u64, latency in 1_u64..500) {
        let generator = mix([endless("read"), endless("write")], seed)
            .stagger(20, seed)
            .on_clients()
            .time_limit(3_000);
        let perform = |_: &Operation| (latency, Kind::Ok);
        let first = simulate(generator.clone(), 4, 1000, perform);
        prop_assert_eq!(first, simulate(generator, 4, 1000, perform));
    }
}
