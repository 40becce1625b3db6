//! Never a wrong word: small histories of the kinds that checkers judge wrongly, each with the
//! command's options, the verdict, and what must be said (or must not).

mod events;
mod models;
mod values;

use clap::Parser;
use kensho_checker::command::{CheckArguments, Exit, run};
use std::path::PathBuf;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

/// A file for one call, removed in the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let name = format!("kensho-words-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn check(text: &str, options: &str) -> (Exit, String) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let file = File::new(&format!("{call}.edn"), text);
    let words = ["check"]
        .into_iter()
        .chain(options.split_whitespace())
        .chain(file.0.to_str());
    let line = Line::try_parse_from(words).unwrap_or_else(|e| panic!("{options}: {e}"));
    let mut output = Vec::new();
    let exit = run(&line.check, &mut output).unwrap();
    (exit, String::from_utf8(output).unwrap())
}

/// Events as EDN: `PROCESS TYPE F VALUE`, separated by semicolons. `P ok F V` right after nothing of
/// that process stands for an invocation and its completion.
fn edn(events: &str) -> String {
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    for event in events
        .split(';')
        .map(str::trim)
        .filter(|event| !event.is_empty())
    {
        let mut words = event.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("nil").to_owned();
        let (process, kind, f, value) = (word(), word(), word(), word());
        let mut add = |kind: &str, value: &str| {
            text.push_str(&format!(
                "{{:process {process} :type :{kind} :f :{f} :value {value}}}\n"
            ));
        };
        if kind == "invoke" {
            open.push(process.clone());
            add("invoke", &value);
        } else if let Some(at) = open.iter().position(|one| *one == process) {
            open.remove(at);
            add(&kind, &value);
        } else {
            let question = matches!(f.as_str(), "read" | "dequeue" | "generate" | "drain");
            add("invoke", if question { "nil" } else { &value });
            add(&kind, &value);
        }
    }
    text
}

/// Events, options, the verdict, and words of it.
type Case = (&'static str, &'static str, Exit, &'static [&'static str]);

fn judge_all(cases: &[Case]) {
    for (events, options, expected, words) in cases {
        let (exit, text) = check(&edn(events), options);
        assert_eq!(exit, *expected, "{events} {options}: {text}");
        for word in *words {
            assert!(
                text.contains(word),
                "{events} {options}: no {word:?} in {text}"
            );
        }
    }
}
