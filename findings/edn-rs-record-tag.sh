#!/usr/bin/env bash
# Clojure prints a record as a tag and a map without a space between. Guess: a reader of EDN gives
# the tag and the map. True of edn-rs 0.19.0: the tag ends at a space only. It swallows the brace and
# the first key, its value is that key's value, and the rest of the map is dropped without an error.
# With a space after the tag it reads the map. clojure-reader 0.7.0 reads both.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "record-tag"
version = "0.0.0"
edition = "2021"
[dependencies]
edn-rs = "=0.19.0"
clojure-reader = "=0.7.0"
TOML
cat > src/main.rs <<'RUST'
use std::str::FromStr;
fn main() {
    let record = "#jepsen.history.Op{:index 0, :type :invoke, :process 3}";
    println!("{:?}", edn_rs::Edn::from_str(record).unwrap());
    println!("{:?}", edn_rs::Edn::from_str(&record.replace("Op{", "Op {")).unwrap());
    println!("{:?}", clojure_reader::edn::read_string(record).unwrap());
}
RUST
cargo run --quiet | tee out
grep -qxF 'Tagged("jepsen.history.Op{:index", UInt(0))' out
grep -qF 'Tagged("jepsen.history.Op", Map(' out
grep -qF 'Tagged("jepsen.history.Op", Map({Key("index"): Int(0), Key("process"): Int(3), Key("type"): Key("invoke")}))' out
echo 'as stated'
