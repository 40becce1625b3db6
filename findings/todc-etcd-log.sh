#!/usr/bin/env bash
# todc-utils 0.1.1 (crates.io), a linearizability checker that reads the etcd logs of Jepsen (history_from_log) and
# has their specification. Guess: values are the u32 of its types, and a read that failed says nothing. True: of the
# new value of a compare-and-set the first digit is read, so [1 12] sets 1: a correct history is called not
# linearizable, and a wrong one linearizable. A failed read must differ from the register's value, and `:timed-out` is
# read as nil: a read that timed out before the first write makes every history not linearizable.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "etcd-log"
version = "0.0.0"
edition = "2021"
[dependencies]
todc-utils = "=0.1.1"
TOML
cat > src/main.rs <<'RUST'
use todc_utils::specifications::etcd::{history_from_log, EtcdSpecification};
use todc_utils::WGLChecker;

fn main() {
    const WRITTEN: [&str; 2] = [":invoke :write 1", ":ok :write 1"];
    const CAS_7: [&str; 2] = [":invoke :cas [1 7]", ":ok :cas [1 7]"];
    const CAS_12: [&str; 2] = [":invoke :cas [1 12]", ":ok :cas [1 12]"];
    const TIMED_OUT: [&str; 2] = [":invoke :read nil", ":fail :read :timed-out"];
    for (what, actions) in [
        ("cas to 7, read 7", [WRITTEN, CAS_7, [":invoke :read nil", ":ok :read 7"]].concat()),
        ("cas to 12, read 12", [WRITTEN, CAS_12, [":invoke :read nil", ":ok :read 12"]].concat()),
        ("cas to 12, read 1", [WRITTEN, CAS_12, [":invoke :read nil", ":ok :read 1"]].concat()),
        ("timed-out read after a write", [WRITTEN, TIMED_OUT].concat()),
        ("timed-out read before it", [TIMED_OUT, WRITTEN].concat()),
    ] {
        let lines: String = actions.iter().map(|action| format!("INFO  jepsen.util - 0 {action}\n")).collect();
        std::fs::write("etcd.log", lines).unwrap();
        let history = history_from_log("etcd.log".into());
        println!("{what}: {}", WGLChecker::<EtcdSpecification>::is_linearizable(history));
    }
}
RUST
cargo run --quiet | tee out
diff - out <<'OUT'
cas to 7, read 7: true
cas to 12, read 12: false
cas to 12, read 1: true
timed-out read after a write: true
timed-out read before it: false
OUT
echo 'as stated'
