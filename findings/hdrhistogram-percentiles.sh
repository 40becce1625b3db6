#!/usr/bin/env bash
# One histogram (60 values: 1 to 60), written by the Python package hdrhistogram 0.10.8 and read by it, by the
# crate hdrhistogram 7.6.0 and by hdr-histogram-js 3.0.1. Guess: all name the same percentiles. True: where the
# percentile's share of the count is no whole number (0.99 of 60 is 59.4), Rust and JavaScript take the next
# larger count, Python the nearest one: its p99 is the value before. So p99 over anything between 51 and 99
# values (or 151 and 199, …) leaves out the largest one in one report and shows it in the other.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install -q hdrhistogram==0.10.8
venv/bin/python - <<'PY' | tee python.out
from hdrh.histogram import HdrHistogram
histogram = HdrHistogram(1, 3_600_000, 3)
for value in range(1, 61):
    histogram.record_value(value)
open("histogram", "wb").write(histogram.encode())
read = HdrHistogram.decode(open("histogram", "rb").read())
print("python", *(int(read.get_value_at_percentile(p)) for p in (50, 90, 99, 100)))
PY

npm init -y > npm.log
npm install --silent hdr-histogram-js@3.0.1
node -e '
const text = require("fs").readFileSync("histogram", "utf8");
const read = require("hdr-histogram-js").decodeFromCompressedBase64(text);
console.log("javascript", ...[50, 90, 99, 100].map(p => read.getValueAtPercentile(p)));' | tee javascript.out

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "percentiles"
version = "0.0.0"
edition = "2021"
[dependencies]
hdrhistogram = "=7.6.0"
base64 = "=0.22.1"
TOML
cat > src/main.rs <<'RUST'
use base64::{engine::general_purpose::STANDARD, Engine};
use hdrhistogram::{serialization::Deserializer, Histogram};
fn main() {
    let bytes = STANDARD.decode(std::fs::read("histogram").unwrap()).unwrap();
    let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
    let at = |percentile| read.value_at_percentile(percentile);
    println!("rust {} {} {} {}", at(50.0), at(90.0), at(99.0), at(100.0));
}
RUST
cargo run --quiet | tee rust.out
echo 'python 30 54 59 60' | diff - python.out
echo 'javascript 30 54 60 60' | diff - javascript.out
echo 'rust 30 54 60 60' | diff - rust.out
echo 'as stated'
