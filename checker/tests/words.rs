//! Never a wrong word: small histories of the kinds that checkers judge wrongly, each with the
//! command's options, the verdict, and what must be said (or must not).

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

use Exit::{Invalid, Unknown, Valid, WrongArguments};

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

#[test]
#[rustfmt::skip] // a table: a line for each case
fn nothing_checked() {
    judge_all(&[
        ("", "", Unknown, &["nothing was checked: the history has no operations"]),
        ("", "--model bank", Unknown, &["nothing was checked"]),
        ("0 invoke write 1; 1 invoke read nil", "", Unknown, &["no operation completed"]),
        ("0 fail write 1; 1 fail read nil", "", Unknown, &["no operation succeeded"]),
        ("0 ok write 1; 1 fail read nil", "", Unknown, &["nothing was checked: no read"]),
        ("0 ok write 1; 1 ok read nil", "--nil-reads unknown", Unknown, &["nothing was checked"]),
        ("0 ok txn [[:append :x 1]]", "", Unknown, &["nothing was checked"]),
        ("0 ok add 1; 1 info read nil", "--model set", Unknown, &["nothing was checked"]),
        ("0 ok write 1; 1 ok read 1", "--require read=2", Unknown, &["only 1 of the 2 required read"]),
        ("0 ok write 1; 1 ok read 1", "--require read=1,write=1", Valid, &[]),
        ("0 ok write 2; 1 ok read 1", "--require read=9", Invalid, &["phantom read"]),
        ("0 ok write 1; 1 ok read 1; 2 fail cas [1 2]; 2 info cas [1 2]", "", Valid, &["warning: none of the 2 cas operations succeeded", "cas"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn what_a_model_does_not_know() {
    judge_all(&[
        ("0 ok write 1; 1 ok read 1; 0 ok increment 1", "--model register", Unknown, &["event 4: register does not know \"increment\""]),
        ("0 ok write 1; 1 ok read 1; 0 ok increment 1", "--model register --ignore increment", Valid, &["--ignore asks: 1 of \"increment\""]),
        ("0 ok write 1; 1 ok enqueue 5", "", Unknown, &["no model knows all operations"]),
        ("0 ok add 5; 1 ok read #{5}; 0 ok remove 5; 1 ok read #{}", "", Valid, &["linearizable-set"]),
        ("0 ok add 5; 1 ok read #{5}; 0 ok remove 5; 1 ok read #{5}", "", Invalid, &["linearizable-set"]),
        ("0 ok add 5; 0 ok remove 5; 1 ok read [5]", "--model set", Unknown, &["does not know \"remove\""]),
        ("0 ok write 1; 0 ok write 2; 1 ok read [1 2]", "", Unknown, &["which of several models"]),
        ("0 ok write 1; 0 ok write 2; 1 ok read [1 2]", "--model register", Unknown, &["event 5", "[1 2]", "no register"]),
        ("0 ok write [1 2]; 1 ok read [1 3]", "--model register", Invalid, &["phantom"]),
        ("0 ok acquire 2; 1 ok acquire 2", "", Unknown, &["which of several models"]),
        ("0 ok acquire nil; 1 ok acquire nil", "", Invalid, &["process 1's acquire", "is another model"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn options_without_use_are_refused() {
    judge_all(&[
        ("0 ok write 1; 1 ok read 1", "--total 5", WrongArguments, &["--total is of no use to cas-register; it is for bank"]),
        ("0 ok generate 1", "--init 5", WrongArguments, &["--init is of no use to unique-ids"]),
        ("0 ok acquire nil", "--nil-reads value", WrongArguments, &["--nil-reads is of no use to mutex"]),
        ("0 ok add 1; 0 ok read 1", "--linearizable", WrongArguments, &["it is for set-full"]),
        ("0 ok read {0 1}", "--total x", WrongArguments, &["expected a number"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn the_beginning_and_what_nothing_means() {
    judge_all(&[
        ("0 ok read 7; 1 ok add 1; 0 ok read 8", "--model counter --init 7", Valid, &[]),
        ("0 ok read 0; 1 ok add 1", "--model counter --init 7", Invalid, &[]),
        ("0 ok add 1; 1 ok read nil", "--model counter --nil-reads value", Invalid, &[]),
        ("0 ok add 1; 1 ok read nil; 1 ok read 1", "--model counter", Valid, &[]),
        ("0 ok dequeue 7", "--model queue --init [7]", Valid, &[]),
        ("0 ok dequeue 7", "--model queue", Invalid, &["nobody had put it in"]),
        ("0 ok dequeue 7; 0 ok dequeue 8", "--model fifo-queue --init [7,8]", Valid, &[]),
        ("0 ok dequeue 8", "--model fifo-queue --init [7,8]", Invalid, &[]),
        ("0 ok enqueue 1; 1 ok dequeue nil; 1 ok dequeue 1", "--model fifo-queue", Invalid, &[]),
        ("0 ok enqueue 1; 1 ok dequeue nil; 1 ok dequeue 1", "--model fifo-queue --nil-reads unknown --init [0,2]", Invalid, &[]),
        ("0 ok enqueue 1; 1 ok dequeue nil; 1 ok dequeue 2", "--model fifo-queue --nil-reads unknown --init [0,2,3]", Valid, &[]),
        ("0 ok add 1; 1 ok read [1 7]", "--model set --init [7]", Valid, &[]),
        ("0 ok add 1; 1 ok read [1]", "--model set --init [7]", Invalid, &["lost write"]),
        ("0 ok add 1; 1 ok read [1 7]", "--model set-full --init [7]", Valid, &[]),
        ("0 ok add 1; 1 ok read [1]", "--model set-full --init [7]", Invalid, &["in the beginning"]),
        ("0 ok add 1; 1 ok read [1 7]", "--model linearizable-set --init [7]", Valid, &[]),
        ("0 ok add 1; 1 ok read nil", "--model linearizable-set --nil-reads value", Invalid, &[]),
        ("0 ok add 1; 1 ok read nil", "--model set --nil-reads value", Invalid, &["lost write"]),
        ("0 ok txn [[:w :x 5]]; 1 ok txn [[:r :x nil]]", "--model multi-register --nil-reads value", Invalid, &[]),
        ("0 ok txn [[:w :x 5]]; 1 ok txn [[:r :x nil]]", "--model multi-register", Unknown, &["nothing was checked"]),
        ("0 ok write 3; 0 ok read nil", "--model session --nil-reads value", Invalid, &["read your writes"]),
        ("0 ok write 3; 0 ok read nil; 0 ok read 3", "--model session", Valid, &[]),
        ("0 ok release nil", "--model mutex --init locked", Valid, &[]),
        ("0 ok release nil", "--model mutex --init maybe", Unknown, &["expected locked or unlocked"]),
        ("0 ok read {0 5, 1 5}", "--model bank --init {0,5,1,5}", Valid, &[]),
        ("0 ok read {0 5, 1 6}", "--model bank --init {0,5,1,5}", Invalid, &["sums up to 11, not to 10"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn tuples_separate_the_keys_of_every_model() {
    judge_all(&[
        ("0 invoke read [3 nil]; 0 ok read [3 {0 10}]; 0 invoke read [4 nil]; 0 ok read [4 {0 5, 1 5}]", "--model bank --tuples", Valid, &["on 2 keys"]),
        ("0 invoke generate [3 nil]; 0 ok generate [3 7]; 0 invoke generate [4 nil]; 0 ok generate [4 7]", "--model unique-ids --tuples", Valid, &[]),
        ("0 invoke generate [3 nil]; 0 ok generate [3 7]; 0 invoke generate [3 nil]; 0 ok generate [3 7]", "--model unique-ids --tuples", Invalid, &["on key 3"]),
        ("0 invoke read [3 nil]; 0 ok read [3 9]; 0 invoke read [4 nil]; 0 ok read [4 7]", "--model monotonic --tuples", Valid, &[]),
        ("0 invoke read [3 nil]; 0 ok read [3 9]; 0 invoke read [4 nil]; 0 ok read [4 7]", "--model session --tuples", Valid, &[]),
        ("0 ok acquire [3 nil]; 0 ok acquire [4 nil]", "--model mutex --tuples", Valid, &[]),
        ("0 ok add [3 1]; 1 invoke read [3 nil]; 1 ok read [3 99]", "--model counter", Unknown, &["say --tuples"]),
        ("0 ok write [3 1]; 1 invoke read [3 nil]; 1 ok read [3 1]", "--model register", Unknown, &["event 2", "say --tuples"]),
        ("0 ok write [3 1]; 1 invoke read [3 nil]; 1 ok read [3 1]", "--model register --tuples", Valid, &[]),
        ("0 ok add [3 1]; 1 invoke read [3 nil]; 1 ok read [3 [1]]", "--model set-full", Unknown, &["say --tuples"]),
        ("0 ok enqueue [3 1]; 1 invoke dequeue [3 nil]; 1 ok dequeue [3 1]", "--model queue", Unknown, &["say --tuples"]),
        // A completion on another key belongs to somebody else.
        ("0 ok write [3 1]; 1 invoke read [3 nil]; 1 ok read [4 1]", "--model register --tuples", Unknown, &["event 3: it completes an operation on another key"]),
        ("0 ok write 1; 1 ok read 1", "--model register --tuples", Unknown, &["no [key value] tuple"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn values_of_another_shape_are_named() {
    judge_all(&[
        ("0 ok add :x; 1 ok read 1", "--model counter", Unknown, &["event 1: the add has the value :x, not a number"]),
        ("0 ok add 1; 1 ok read :x", "--model counter", Unknown, &["event 3: the read has the value :x"]),
        ("0 ok add 1; 1 ok read :x; 1 ok read 5", "--model counter", Invalid, &["read of 5"]),
        ("0 ok read [10 10]", "--model bank", Unknown, &["a map from account to balance"]),
        ("0 ok read {0 10, 1 nil}", "--model bank", Invalid, &["wrong accounts"]),
        ("0 ok add 1; 1 ok read 1", "--model set", Unknown, &["a list of elements"]),
        ("0 ok add 1; 1 ok read {1 1}", "--model set-full", Unknown, &["a list of elements"]),
        ("0 ok add 1; 1 ok read 1", "--model linearizable-set", Unknown, &["a list of elements"]),
        ("0 ok enqueue 1; 1 ok drain 1", "--model queue", Unknown, &["a list of elements"]),
        ("0 ok read 3; 1 ok read :x", "--model monotonic", Unknown, &["event 3", "not a number"]),
        ("0 ok read 3; 0 ok read \"3\"", "--model session", Unknown, &["not a number"]),
        ("0 ok txn 5", "--model long-fork", Unknown, &["[:r object value]"]),
        ("0 ok txn 5", "--model multi-register", Unknown, &["[:r name value]"]),
        ("0 ok cas 5; 1 ok read 1", "--model register", Unknown, &["not [from to]"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn numbers_of_every_kind() {
    judge_all(&[
        ("0 ok add 0.5; 0 ok add 2.25; 1 ok read 2.75", "--model counter", Valid, &[]),
        ("0 ok add 0.1; 0 ok add 0.2; 1 ok read 0.3", "--model counter", Valid, &[]),
        ("0 ok add 0.5; 0 ok add 2.25; 1 ok read 900.5", "--model counter", Invalid, &["900.5", "2.75"]),
        ("0 ok increment 5; 0 ok decrement 2; 1 ok read 3", "", Valid, &["counter"]),
        ("0 ok increment 5; 0 ok decrement 2; 1 ok read 5", "", Invalid, &["counter"]),
        ("0 ok increment nil; 0 ok dec nil; 1 ok read 0", "", Valid, &[]),
        ("0 ok add 9223372036854775808; 1 ok read 9223372036854775809", "--model counter", Invalid, &[]),
        ("0 ok read {0 10.5, 1 9.5}; 0 ok read {0 11.5, 1 9.5}", "--model bank --total 20", Invalid, &["sums up to 21, not to 20"]),
        ("0 ok read {0 10.1, 1 9.9}; 0 ok read {0 10.2, 1 9.8}", "--model bank", Valid, &[]),
        ("0 ok read 1.5; 1 ok read 1.25", "--model monotonic", Invalid, &["not monotonic"]),
        ("0 ok read 1.5; 0 ok read 1.25", "--model session", Invalid, &["monotonic reads"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn a_total_that_is_guessed_is_that_of_the_first_read() {
    judge_all(&[
        ("0 ok read {0 50, 1 50}; 1 ok transfer {:from 0}; 0 ok read {0 47, 1 50}; 0 ok read {0 47, 1 50}", "", Invalid, &["sums up to 97, not to 100", "The total is guessed", "guessed from the first read, event 1"]),
        ("0 ok read {0 50, 1 50}; 0 ok read {0 47, 1 53}", "--total 99", Invalid, &["sums up to 100, not to 99"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn queues() {
    judge_all(&[
        ("0 invoke enqueue 5; 1 ok dequeue nil; 0 ok enqueue 5", "--model queue", Valid, &[]),
        ("0 invoke enqueue 5; 1 ok dequeue nil; 0 ok enqueue 5", "--model fifo-queue", Valid, &[]),
        ("0 ok enqueue 5; 1 fail dequeue nil", "--model queue", Unknown, &["nothing was checked"]),
        ("0 ok enqueue 5; 1 ok dequeue nil", "--model queue", Invalid, &["lost element"]),
        ("0 ok enqueue 5; 1 ok dequeue nil; 1 ok dequeue 5", "--model queue", Valid, &[]),
        ("0 ok enqueue 5; 1 ok dequeue nil; 1 ok dequeue 5", "--model fifo-queue", Invalid, &[]),
        ("0 ok enqueue 5; 2 info drain nil; 1 ok dequeue nil", "--model queue", Valid, &[]),
        ("0 ok enqueue 5; 2 ok drain [5]; 1 ok dequeue nil", "--model queue", Valid, &[]),
        ("0 ok enqueue 5; 2 ok drain nil", "--model queue", Invalid, &["lost element"]),
        ("1 ok dequeue 5; 0 ok enqueue 5", "--model queue", Invalid, &["read from the future"]),
    ]);
    // Refused since it was empty, and said so.
    let text = edn("0 ok enqueue 5; 1 fail dequeue nil");
    let empty = text.replace(
        ":type :fail :f :dequeue",
        ":type :fail :error :empty :f :dequeue",
    );
    let (exit, told) = check(&empty, "--model queue");
    assert_eq!(exit, Invalid, "{told}");
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn sets_that_hold_what_nobody_added() {
    judge_all(&[
        ("0 ok add 6; 1 ok read [6 99]", "--model set-full", Invalid, &["phantom element", "99"]),
        ("1 ok read [6]; 0 ok add 6; 1 ok read [6]", "--model set-full", Invalid, &["phantom element"]),
        ("0 fail add 7; 0 ok add 6; 1 ok read [6 7]", "--model set-full", Invalid, &["phantom element"]),
        ("0 info add 7; 0 ok add 6; 1 ok read [6 7]", "--model set-full", Valid, &[]),
        ("0 invoke add 7; 2 ok add 6; 1 ok read [6 7]", "--model set", Valid, &[]),
        ("1 ok read [6]; 0 ok add 6", "--model set", Invalid, &["phantom element"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn what_is_written_is_known_when_it_completes() {
    judge_all(&[
        ("0 invoke write nil; 0 ok write 41; 1 ok read 41", "--model register", Valid, &[]),
        ("0 invoke write nil; 0 ok write 41; 1 ok read 42", "--model register", Invalid, &[]),
        ("0 invoke enqueue nil; 0 ok enqueue 4; 1 ok dequeue 4", "--model fifo-queue", Valid, &[]),
        ("0 invoke add nil; 0 ok add 4; 1 ok read [4]", "--model set", Valid, &[]),
        ("0 invoke acquire nil; 0 ok acquire 2; 1 ok acquire 1", "--model semaphore --permits 2", Unknown, &["event 0: this acquire was invoked without a number of permits and then told 2"]),
        ("0 ok txn [[:w :x 0]]; 1 invoke txn [[:r :x nil]]; 1 ok txn", "--model multi-register", Unknown, &["does not say what it saw"]),
        ("0 invoke write nil; 0 ok write 4; 1 ok final-watch [[1 4]]", "--model watch", Unknown, &["event 0: it is not known what this write is about"]),
        ("0 invoke write nil; 0 fail write 4; 1 ok read [4]; 2 fail write 5", "--model dirty-reads", Unknown, &["event 0: it is not known what this write is about"]),
        ("0 invoke write nil; 0 fail write nil; 1 ok read [nil 3]; 2 fail write 5", "--model dirty-reads", Unknown, &["event 0: it is not known what this write is about"]),
        ("0 invoke write 40; 0 ok write 41; 1 ok read 41", "--model register", Unknown, &["event 1: this completes a write of 41"]),
    ]);
}

#[test]
#[rustfmt::skip] // a table: a line for each case
fn values_that_only_look_alike() {
    judge_all(&[
        ("0 ok write 523; 1 ok read \"523\"", "--model register", Invalid, &["523 was written as a number (event 0)", "\"523\" was read, which is text (event 3)"]),
        ("0 ok write :a; 1 ok read \"a\"", "--model register", Invalid, &[":a was written as a name", "which is text"]),
        ("0 ok write 1; 1 ok read 1.0", "--model register", Invalid, &["which is a decimal number"]),
        ("0 ok add 5; 1 ok read [\"5\"]", "--model set-full", Invalid, &["5 was written as a number"]),
        ("0 ok enqueue \"7\"; 1 ok dequeue 7", "--model queue", Invalid, &["\"7\" was written as text"]),
    ]);
    let (_, text) = check(&edn("0 ok write 523; 1 ok read 524"), "--model register");
    assert!(!text.contains("different values"), "{text}");
}

#[test]
fn processes_of_every_kind_and_none() {
    for process in [
        "4294967296",
        "18446744073709551616",
        "\"worker-1\"",
        ":w",
        "w",
        "-7",
    ] {
        let text = edn(&format!("{process} ok write 1; 1 ok read 99"));
        let (exit, told) = check(&text, "--model register");
        assert_eq!(exit, Invalid, "{process}: {told}");
        let (exit, told) = check(&text.replace("99", "1"), "--model register");
        assert_eq!(exit, Valid, "{process}: {told}");
    }
    let good = edn("0 ok write 1; 1 ok read 1");
    for (damaged, word) in [
        (good.replace(":process 0", ":process nil"), "has no process"),
        (good.replace(":process 1 ", ""), "has no process"),
        (
            good.replacen(":process 1", ":process 2", 1),
            "completes without an invocation",
        ),
        (
            good.lines().skip(1).collect(),
            "completes without an invocation",
        ),
        (
            format!("{good}{}", good.lines().last().unwrap()),
            "completes without an invocation",
        ),
        (
            format!("{}{good}", good.lines().next().unwrap()),
            "still open",
        ),
        (
            good.replacen(":ok :f :write", ":ok :f :read", 1),
            "but its open operation is",
        ),
        (
            good.replace(":process 0", ":process [0]"),
            "must be a number or a name",
        ),
    ] {
        let (exit, told) = check(&damaged, "--model register");
        assert!(matches!(exit, Unknown | Exit::Failed), "{exit:?}: {told}");
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn without_any_process_only_what_follows_one_by_one_can_be_paired() {
    let nameless = |events: &str| {
        let text = edn(events);
        text.replace(":process 0 ", "").replace(":process 1 ", "")
    };
    for (events, options, expected, word) in [
        (
            "0 ok write 1; 1 ok read 1",
            "--model register",
            Valid,
            "register",
        ),
        (
            "0 ok write 1; 1 ok read 2",
            "--model register",
            Invalid,
            "process ?'s read of 2",
        ),
        (
            "0 invoke write 1; 1 ok read 1; 0 ok write 1",
            "--model register",
            Unknown,
            "has no process",
        ),
        (
            "0 ok write 1; 1 invoke read nil; 1 ok write 1",
            "--model register",
            Unknown,
            "its open operation is",
        ),
        (
            "0 ok txn [[:append 1 1]]; 1 ok txn [[:r 1 [1]]]",
            "",
            Valid,
            "list-append",
        ),
        (
            "0 invoke txn [[:append 1 1]]; 0 ok txn [[:r 1 [1]]]",
            "",
            Unknown,
            "event 1: this completes the transaction",
        ),
        (
            "0 ok txn [[:append 1 1]]; 1 ok txn [[:r 1 [1]]]",
            "--consistency strong-session-serializable",
            Unknown,
            "of one session",
        ),
        (
            "0 ok write 1; 1 ok read 1",
            "--model session",
            Unknown,
            "of one session",
        ),
    ] {
        let (exit, told) = check(&nameless(events), options);
        assert_eq!(exit, expected, "{events}: {told}");
        assert!(told.contains(word), "{events}: {told}");
    }
}

#[test]
fn the_order_of_the_file_counts_and_times_are_not_quoted_against_it() {
    let text = "{:process 1 :type :invoke :f :write :value 1 :time 100}
{:process 1 :type :ok :f :write :value 1 :time 900}
{:process 2 :type :invoke :f :write :value 2 :time 400}
{:process 2 :type :ok :f :write :value 2 :time 500}
{:process 3 :type :invoke :f :read :value nil :time 1000}
{:process 3 :type :ok :f :read :value 1 :time 1100}";
    let (exit, told) = check(text, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(
        told.contains("event 2: the time goes back from 900 ns to 400 ns"),
        "{told}"
    );
    for quoted in ["0.000000900", "0.000000400", " s)", "stale by"] {
        assert!(!told.contains(quoted), "{quoted}: {told}");
    }
    let (_, told) = check(&text.replace(":time 900", ":time 300"), "--model register");
    assert!(
        told.contains("0.000000300") && !told.contains("goes back"),
        "{told}"
    );
    let indexed = "{:index 4 :process 2 :type :invoke :f :read :value nil}
{:index 0 :process 1 :type :invoke :f :write :value 1}
{:index 1 :process 1 :type :ok :f :write :value 1}
{:index 5 :process 2 :type :ok :f :read :value 1}";
    let (exit, told) = check(indexed, "--model register");
    assert_eq!(exit, Valid, "{told}");
    assert!(
        told.contains("event 0: the index goes back from 4 to 0"),
        "{told}"
    );
}

#[test]
fn what_a_failed_cas_saw_is_told_with_it() {
    let text = "{:process 0 :type :invoke :f :write :value 1}
{:process 0 :type :ok :f :write :value 1}
{:process 0 :type :invoke :f :write :value 2}
{:process 0 :type :ok :f :write :value 2}
{:process 1 :type :invoke :f :cas :value [7 8]}
{:process 1 :type :fail :f :cas :value [7 8] :observed 2}
{:process 2 :type :invoke :f :read :value nil}
{:process 2 :type :ok :f :read :value 1}";
    let overlapping = text.replace("{:process 0 :type :ok :f :write :value 2}\n", "");
    let (exit, told) = check(&overlapping, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(
        told.contains("cas from 7 to 8, which failed since it saw 2"),
        "{told}"
    );
    let (_, json) = check(&overlapping, "--model register --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let operations = json["anomalies"][0]["operations"].as_array().unwrap();
    assert!(
        operations
            .iter()
            .any(|operation| operation["observed"] == 2),
        "{json}"
    );
}

#[test]
fn missing_events_are_told_where_something_came_from_nowhere() {
    let text = "{:index 0 :process 0 :type :invoke :f :write :value 1}
{:index 1 :process 0 :type :ok :f :write :value 1}
{:index 3 :process 1 :type :invoke :f :read :value nil}
{:index 4 :process 1 :type :ok :f :read :value 7}";
    let (exit, told) = check(text, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(told.contains("events are missing before event 3"), "{told}");
    let (_, told) = check(&text.replace(":value 7", ":value 1"), "--model register");
    assert!(!told.contains("missing"), "{told}");
}
