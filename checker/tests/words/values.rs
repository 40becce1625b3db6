//! Values of every kind, and what they show of queues, sets and sums.

use super::Exit::{Invalid, Unknown, Valid};
use super::{check, edn, judge_all};

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
        ("0 invoke write nil; 0 fail write 4; 1 ok read [4]; 2 fail write 5", "--model dirty-reads", Invalid, &["G1a", "write of 4"]),
        ("0 invoke write nil; 0 fail write 4; 1 ok read [5]; 2 ok write 5", "--model dirty-reads", Valid, &[]),
        ("0 invoke write nil; 0 fail write 4; 1 ok read 4", "--model register", Invalid, &["phantom"]),
        ("0 invoke write nil; 0 fail write 4; 2 ok write 5; 1 ok read 5", "--model register", Valid, &[]),
        ("0 invoke txn nil; 0 fail txn [[:append :x 1]]; 1 ok txn [[:r :x [1]]]", "--model list-append", Invalid, &["G1a"]),
        ("0 ok write 1; 1 invoke read nil; 1 fail read :timed-out; 1 ok read 1", "--model register", Valid, &[]),
        ("1 invoke read nil; 1 fail read :timed-out; 0 ok write 1; 1 ok read 1", "--model etcd-register", Valid, &[]),
        ("0 ok write 1; 0 ok cas [1 12]; 1 ok read 12", "--model etcd-register", Valid, &[]),
        ("0 ok write 1; 0 ok cas [1 12]; 1 ok read 1", "--model etcd-register", Invalid, &["stale read"]),
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
