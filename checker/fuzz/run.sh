#!/bin/sh
# run.sh SECONDS [FORMAT…]: fuzzes the reader of each format for so long, guided by coverage, beginning with the
# seeds. A stable compiler is enough: the coverage pass is part of it, and libFuzzer comes as a crate.
# A finding is kept in artifacts/, and makes this end with a failure.
set -eu
cd "$(dirname "$0")"
seconds=${1:-600}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- edn jsonl jepsen-txt porcupine-log elle-json jepsen fressian dbcop dbcop-json dbcop-text cobra etcd porcupine tipocket csv plume awdit
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-target}
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
	cargo build --release --target "$host" --target-dir "$target_dir"
mkdir -p artifacts
for reader in "$@"; do
	mkdir -p "corpus/$reader"
	KENSHO_FORMAT=$reader "$target_dir/$host/release/reader" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 -artifact_prefix="artifacts/$reader-" \
		"corpus/$reader" seeds
done
