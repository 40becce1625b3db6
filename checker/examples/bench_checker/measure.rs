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

/// So long is the calibration loop taken to need on the machine on which the peers were measured. It
/// was not run there: ratios to a peer that rest on this are estimates.
const PEERS_LOOP_SECONDS: f64 = 0.01;

/// Our seconds as a ratio to those of a peer that was measured elsewhere: both in turns of one
/// loop, since the machines differ.
pub(crate) fn beside(ours: f64, peers: f64) -> f64 {
    ours / calibration_seconds() / (peers / PEERS_LOOP_SECONDS)
}

/// What another program takes, which is run by a process that has no other child: CPU seconds, and
/// the most memory in MiB.
pub(crate) fn program(line: &[&str]) -> (f64, f64) {
    let this = std::env::current_exe().expect("the path of this program");
    let output = std::process::Command::new(this)
        .arg("--measure")
        .args(line)
        .output()
        .expect("to run a program");
    let text = String::from_utf8_lossy(&output.stdout);
    let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{line:?}: {text}"));
    let number = |name: &str| told[name].as_f64().expect("a figure");
    (number("cpu_s"), number("peak_mib"))
}

/// Runs a program as the only child of this process, and prints what it took.
pub(crate) fn only_child(line: &[&str]) {
    use nix::sys::resource::{UsageWho, getrusage};
    let status = std::process::Command::new(line[0])
        .args(&line[1..])
        .stdout(std::process::Stdio::null())
        .status()
        .expect("to run a program");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what a child took");
    let seconds = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6);
    // (Linux tells KiB.)
    let told = json!({
        "exit": status.code(),
        "cpu_s": seconds[0] + seconds[1],
        "peak_mib": usage.max_rss() as f64 / 1024.0,
    });
    println!("{told}");
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
