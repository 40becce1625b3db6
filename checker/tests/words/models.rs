//! What a model knows, what it is asked, and where nothing was checked.

use super::{
    Exit::{Invalid, Unknown, Valid, WrongArguments},
    judge_all,
};

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
        ("0 ok pop 8; 0 ok pop 7; 0 ok pop nil", "--model stack --init [7,8]", Valid, &[]),
        ("0 ok pop 7", "--model stack --init [7,8]", Invalid, &["out of order"]),
        ("0 ok dequeue 7; 0 ok dequeue 8", "--model priority-queue --init [8,7]", Valid, &[]),
        ("0 ok dequeue 8", "--model priority-queue --init [8,7]", Invalid, &["out of order"]),
        ("0 ok dequeue 8", "--model priority-queue --init [:a]", Unknown, &["not a whole number"]),
        ("0 ok dequeue 7; 0 ok dequeue 8", "--model unordered-queue --init [8,7]", Valid, &[]),
        ("0 ok dequeue 7; 0 ok dequeue 7", "--model unordered-queue --init [8,7]", Invalid, &["duplicate element"]),
        ("0 ok dequeue 9", "--model unordered-queue --init [8,7]", Invalid, &["phantom element"]),
        ("0 ok enqueue 7; 1 ok dequeue nil; 1 ok dequeue 7", "--model unordered-queue", Invalid, &[]),
        ("0 ok enqueue 7; 1 ok dequeue nil; 1 ok dequeue nil", "--model unordered-queue --nil-reads unknown", Unknown, &["nothing was checked"]),
        ("0 ok push 7; 0 ok push 8; 1 ok pop nil; 1 ok pop 7", "--model stack --nil-reads unknown", Valid, &[]),
        ("0 ok push 7; 0 ok push 8; 1 ok pop nil; 1 ok pop 8", "--model stack --nil-reads unknown", Invalid, &[]),
        ("0 ok add 1; 1 ok final-read 8", "--model pn-counter --init 7", Valid, &[]),
        ("0 ok add 1; 1 ok final-read 1", "--model g-counter --init 7", Invalid, &[]),
        ("0 ok add 1; 1 ok final-read [1 7]", "--model g-set --init [7]", Valid, &[]),
        ("0 ok add 1; 1 ok final-read [1]", "--model g-set --init [7]", Invalid, &["in the beginning"]),
        ("0 ok broadcast 1; 1 ok final-read [1 7]", "--model broadcast", Invalid, &["phantom"]),
        ("0 ok acquire nil", "--model semaphore --permits 2 --init 1", Valid, &[]),
        ("0 ok acquire nil", "--model semaphore --permits 2 --init 2", Invalid, &["too many permits"]),
        ("0 ok acquire nil", "--model semaphore --permits 2 --init 3", Unknown, &["permits are out"]),
        ("0 ok acquire nil", "--model owned-mutex --init 1", Invalid, &["lock held twice"]),
        ("1 ok release nil; 0 ok acquire nil", "--model owned-mutex --init 1", Valid, &[]),
        ("1 ok acquire nil", "--model reentrant-mutex --init 1", Valid, &[]),
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
        ("0 ok acquire [3 nil]; 0 ok acquire [4 nil]", "--model mutex", Unknown, &["say --tuples"]),
        ("0 ok acquire [3 nil]; 0 ok acquire [4 nil]", "--model owned-mutex", Unknown, &["say --tuples"]),
        ("0 ok acquire [3 nil]; 1 ok acquire [4 nil]", "--model semaphore --permits 1 --tuples", Valid, &[]),
        ("0 invoke acquire [3 nil]; 0 ok acquire [3 9]; 0 invoke acquire [4 nil]; 0 ok acquire [4 9]", "--model fenced-mutex", Unknown, &["say --tuples"]),
        // A completion on another key belongs to somebody else.
        ("0 ok write [3 1]; 1 invoke read [3 nil]; 1 ok read [4 1]", "--model register --tuples", Unknown, &["event 3: it completes an operation on another key"]),
        ("0 ok write 1; 1 ok read 1", "--model register --tuples", Unknown, &["no [key value] tuple"]),
    ]);
}
