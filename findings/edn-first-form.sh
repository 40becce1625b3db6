#!/usr/bin/env bash
# A history.edn is one map after another. Guess: a reader that is given all of the file says that
# something follows the first form, or returns all of them. True: five readers return the first
# operation, without an error; a checker on top of them would judge one operation and call it valid.
# Packages: edn_format 0.8.0 (PyPI), jsedn 0.4.1 and edn-data 1.2.2 (npm), edn-rs 0.19.0 and
# clojure-reader 0.7.0 (crates.io). edn_format has loads_all beside loads.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
printf '{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 3}\n' > history.edn

python3 -m venv venv
venv/bin/pip install -q edn_format==0.8.0
venv/bin/python - <<'PY' | tee python.out
import edn_format
text = open("history.edn").read()
first = edn_format.loads(text)
print("edn_format", first[edn_format.Keyword("type")], len(edn_format.loads_all(text)))
PY
grep -qx 'edn_format :invoke 2' python.out

npm init -y > npm.log
npm install --silent jsedn@0.4.1 edn-data@1.2.2
node -e '
const text = require("fs").readFileSync("history.edn", "utf8");
const one = require("jsedn"), other = require("edn-data");
console.log("jsedn", one.toJS(one.parse(text))[":type"]);
console.log("edn-data", other.parseEDNString(text, { mapAs: "object", keywordAs: "string" }).type);' | tee node.out
grep -qx 'jsedn :invoke' node.out
grep -qx 'edn-data invoke' node.out

mkdir -p rust/src
cat > rust/Cargo.toml <<'TOML'
[package]
name = "first-form"
version = "0.0.0"
edition = "2021"
[dependencies]
edn-rs = "=0.19.0"
clojure-reader = "=0.7.0"
TOML
cat > rust/src/main.rs <<'RUST'
use std::str::FromStr;
fn main() {
    let text = std::fs::read_to_string("history.edn").unwrap();
    println!("edn-rs {}", edn_rs::Edn::from_str(&text).unwrap()[":type"]);
    println!("clojure-reader {}", clojure_reader::edn::read_string(&text).unwrap());
}
RUST
cargo run --quiet --manifest-path rust/Cargo.toml | tee rust.out
grep -qx 'edn-rs :invoke' rust.out
grep -q '^clojure-reader {.*:type :invoke' rust.out
if grep -q ':ok' rust.out; then echo 'changed: the second operation is there'; exit 1; fi
echo 'as stated'
