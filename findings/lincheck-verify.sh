#!/usr/bin/env bash
# The crate lincheck 0.2.1 (crates.io), which explores scenarios with loom and proptest. Its tutorial ends in a test
# whose last line is `Lincheck { .. }.verify::<Concurrent>();` and says that the test fails. Guess: so it does. True: verify
# returns a Result, and a test that drops it passes, whatever was found: the compiler warns of an unused Result,
# nothing else. verify_or_panic fails. A test written after the tutorial says "ok" of a counter that loses increments.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "verify"
version = "0.0.0"
edition = "2021"
[dev-dependencies]
lincheck = "=0.2.1"
loom = "0.6" # that of lincheck
proptest = "1"
TOML
cat > src/lib.rs <<'RUST'
#[cfg(test)]
mod tests {
    use lincheck::{ConcurrentSpec, Lincheck, SequentialSpec};
    use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use proptest::prelude::*;

    /// Adds one, and gives the number before.
    #[derive(Clone, Copy, Debug)]
    struct Increment;
    impl Arbitrary for Increment {
        type Parameters = ();
        type Strategy = Just<Increment>;
        fn arbitrary_with(_: ()) -> Just<Increment> { Just(Increment) }
    }

    #[derive(Default)]
    struct Sequential(usize);
    impl SequentialSpec for Sequential {
        type Op = Increment;
        type Ret = usize;
        fn exec(&mut self, _: Increment) -> usize {
            self.0 += 1;
            self.0 - 1
        }
    }

    /// Two threads may read the same number: one increment is lost.
    #[derive(Default)]
    struct Losing(AtomicUsize);
    impl ConcurrentSpec for Losing {
        type Seq = Sequential;
        fn exec(&self, _: Increment) -> usize {
            let before = self.0.load(SeqCst);
            self.0.store(before + 1, SeqCst);
            before
        }
    }

    const SMALL: Lincheck = Lincheck { num_threads: 2, num_ops: 2 };

    #[test]
    fn as_the_tutorial_has_it() {
        SMALL.verify::<Losing>();
    }

    #[test]
    fn what_it_found() {
        assert!(SMALL.verify::<Losing>().is_err());
    }

    #[test]
    #[should_panic(expected = "Non-linearizable execution")]
    fn or_panic() {
        SMALL.verify_or_panic::<Losing>();
    }
}
RUST
cargo test --quiet --lib -- --test-threads=1 > out 2> errors || { cat errors out; exit 1; }
grep -o '3 passed; 0 failed' out
grep -o 'unused `Result` that must be used' errors
echo 'as stated'
