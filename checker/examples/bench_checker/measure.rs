//! CPU time, memory, and the machine that they were measured on.

use serde_json::{Value, json};

/// A batch of rounds must take so long: then the clock's grain does not matter.
const BATCH_SECONDS: f64 = 0.1;
const BATCHES: usize = 5;

/// CPU seconds of this process so far.
pub(crate) fn cpu_seconds() -> f64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
    let time = time.expect("the clock of this process");
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}

/// The CPU seconds that one call takes: the mean of a batch of calls, the least of some batches.
pub(crate) fn seconds(mut call: impl FnMut()) -> f64 {
    let mut batch = |calls: usize| {
        let start = cpu_seconds();
        for _ in 0..calls {
            call();
        }
        cpu_seconds() - start
    };
    let mut calls = 1;
    while batch(calls) < BATCH_SECONDS {
        calls *= 2;
    }
    (0..BATCHES)
        .map(|_| batch(calls) / calls as f64)
        .fold(f64::INFINITY, f64::min)
}

/// The CPU seconds of a loop that only computes, by which machines are compared.
pub(crate) fn calibration_seconds() -> f64 {
    const TURNS: u64 = 10_000_000;
    let turn = || {
        let mut random = kensho_checker::generate::Random::new(1);
        (0..TURNS).fold(0, |sum: u64, _| sum.wrapping_add(random.bits()))
    };
    (0..BATCHES)
        .map(|_| {
            let start = cpu_seconds();
            std::hint::black_box(turn());
            cpu_seconds() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// The CPU seconds that one call takes, for calls that take long.
pub(crate) fn once(call: impl FnOnce()) -> f64 {
    let start = cpu_seconds();
    call();
    cpu_seconds() - start
}

/// The most memory that this process had in use, in MiB.
pub(crate) fn peak_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The machine.
pub(crate) fn machine() -> Value {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|model| model.trim_start_matches([' ', '\t', ':']));
    let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": model,
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "system": format!("Linux {}", system.trim()),
    })
}
