#!/usr/bin/env bash
# Interval logs (.hlog) of other writers, read by the Rust crate hdrhistogram 7.6.0. Guess: what the
# Java and JavaScript readers take is taken. True: an interval is refused if its line is the last and has no
# newline, if a time has no decimal point ("1"), or if its parts are separated by spaces; and the
# iterator ends there, so that all later intervals are lost as well. CRLF is fine. hdr-histogram-js
# 3.0.1 reads the first two.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "log-lines"
version = "0.0.0"
edition = "2021"
[dependencies]
hdrhistogram = "=7.6.0"
TOML
cat > src/main.rs <<'RUST'
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
fn main() {
    for name in ["good", "crlf", "no-newline", "whole-seconds", "spaces"] {
        let text = std::fs::read(name).unwrap();
        let entries: Vec<_> = IntervalLogIterator::new(&text).collect();
        let intervals = entries.iter().filter(|e| matches!(e, Ok(LogEntry::Interval(_)))).count();
        println!("{name}: {intervals} intervals, {} errors", entries.iter().filter(|e| e.is_err()).count());
    }
}
RUST
payload=HISTFAAAACt42pNpmSzMwMDAwwABzFCaEURcm7yEwf4DVISJle2jPAvTW74JzACXTAdE
printf '0.127,1.000,0.004,%s\n0.2,1.0,0.004,%s\n' $payload $payload > good
sed 's/$/\r/' good > crlf
printf '%s' "$(cat good)" > no-newline
sed 's/^0.127,1.000/0.127,1/' good > whole-seconds
tr ',' ' ' < good > spaces
cargo run --quiet | tee out
printf '%s\n' 'good: 2 intervals, 0 errors' 'crlf: 2 intervals, 0 errors' 'no-newline: 1 intervals, 1 errors' \
  'whole-seconds: 0 intervals, 1 errors' 'spaces: 0 intervals, 1 errors' | diff - out
npm init -y > npm.log
npm install --silent hdr-histogram-js@3.0.1
node -e '
const { HistogramLogReader } = require("hdr-histogram-js");
for (const name of ["good", "no-newline", "whole-seconds"]) {
  const reader = new HistogramLogReader(require("fs").readFileSync(name, "utf8"));
  let count = 0;
  while (reader.nextIntervalHistogram()) count++;
  console.log(name + ": " + count);
}' | tee js.out
printf 'good: 2\nno-newline: 2\nwhole-seconds: 2\n' | diff - js.out
echo 'as stated'
