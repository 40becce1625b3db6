//! The limit of memory holds for the process as a whole: a search that would take gigabytes ends
//! with *unknown*.

use clap::Parser;
use kensho_checker::command::{CheckArguments, Exit, run};
use kensho_checker::generate::Random;
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

/// Set for the process whose memory is limited: the file to be judged.
const FILE: &str = "KENSHO_TEST_LIMITED_FILE";

const LIMIT_MIB: usize = 100;

/// What a process may have beyond the limit: it is looked at now and then.
const BEYOND_MIB: usize = 30;

#[test]
#[cfg(target_os = "linux")]
fn a_search_ends_where_the_limit_of_memory_is() {
    if let Ok(file) = std::env::var(FILE) {
        return judge(&file);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.edn");
    write_queue(&file);
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "a_search_ends_where_the_limit_of_memory_is"])
        .arg("--nocapture")
        .env(FILE, &file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{output:?}");
    let told = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    assert_eq!(told("exit:"), "Unknown");
    assert!(told("said:").contains("memory"), "{text}");
    let peak: usize = told("peak:")
        .trim_end_matches(" kB")
        .trim()
        .parse()
        .unwrap();
    let peak = peak / 1024;
    assert!(peak > LIMIT_MIB / 2, "{peak} MiB: nothing was limited");
    assert!(peak < LIMIT_MIB + BEYOND_MIB, "{peak} MiB");
}

/// Judges in this process, and prints how it went.
fn judge(file: &str) {
    let limit = LIMIT_MIB.to_string();
    let arguments = ["check", "--json", "--model", "fifo-queue"];
    let limits = ["--time-limit", "3600", "--memory-limit", &limit, file];
    let line = Line::parse_from(arguments.into_iter().chain(limits));
    let mut output = Vec::new();
    let exit: Exit = run(&line.check, &mut output).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("\nexit:{exit:?}");
    println!("said:{}", String::from_utf8_lossy(&output).trim());
    println!("peak:{}", peak.unwrap());
}

/// A queue of elements that repeat, used by many at once, from which in the end comes what cannot
/// come: only a search of all orders would show it.
fn write_queue(file: &Path) {
    const CLIENTS: usize = 12;
    const ROUNDS: usize = 60;
    let mut random = Random::new(1);
    let mut queue: VecDeque<usize> = VecDeque::new();
    let mut text = String::new();
    for round in 0..=ROUNDS {
        let mut asked: Vec<(usize, Option<usize>)> = (0..CLIENTS)
            .map(|client| (client, (random.below(5) < 3).then(|| random.below(3))))
            .collect();
        for (client, enqueued) in &asked {
            let (f, value) = named(*enqueued);
            let _ = writeln!(
                text,
                "{{:process {client} :type :invoke :f :{f} :value {value}}}"
            );
        }
        for left in (1..=asked.len()).rev() {
            let (client, enqueued) = asked.swap_remove(random.below(left));
            let value = match enqueued {
                Some(element) => {
                    queue.push_back(element);
                    element.to_string()
                }
                None => {
                    let element = queue.pop_front();
                    // The last one gets what nobody put in there.
                    let element = element
                        .filter(|_| round < ROUNDS)
                        .or(Some(7).filter(|_| round == ROUNDS));
                    element.map_or("nil".to_owned(), |element| element.to_string())
                }
            };
            let (f, _) = named(enqueued);
            let _ = writeln!(
                text,
                "{{:process {client} :type :ok :f :{f} :value {value}}}"
            );
        }
    }
    std::fs::write(file, text).unwrap();
}

fn named(enqueued: Option<usize>) -> (&'static str, String) {
    match enqueued {
        Some(element) => ("enqueue", element.to_string()),
        None => ("dequeue", "nil".to_owned()),
    }
}
