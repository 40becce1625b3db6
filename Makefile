# The verbs a person types. Each calls cargo or kensho; OPTIONS="…" is passed on.
KENSHO = target/release/kensho
RUNS = results/runs
PUBLISHED = results/published
SEEDS = 1 2 3 4 5 6 7 8 9 10
# Programs in which safety rules can be broken on purpose; never those that ship.
BROKEN = target/break-rules
BROKEN_TEST = $(KENSHO) test register --node-binary $(BROKEN)/release/kensho-node

.DEFAULT_GOAL := help
.PHONY: help build test lint programs cluster test-linearizability prove failover soak \
	programs-broken test-broken-rules bugs

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 28

build: ## build everything
	cargo build --release --workspace

lint: ## formatting, clippy and docs, warnings denied
	cargo fmt --all -- --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --quiet

test: lint ## everything that must pass before a change lands
	cargo test --release --workspace
	cargo test --release --package kensho-models --features break-rules --target-dir $(BROKEN) --test broken_rules

bugs: ## break each rule of replication; figures to results/published/broken-rules-replication.json
	cargo run --release --package kensho-models --features break-rules --target-dir $(BROKEN) \
		--example bugs -- --out $(PUBLISHED)/broken-rules-replication.json $(OPTIONS)

programs:
	cargo build --release --package kensho --package kensho-node

cluster: programs ## three nodes on this machine to play with; Ctrl-C stops them
	$(KENSHO) cluster up --nodes 3 $(OPTIONS)

test-linearizability: programs ## five real nodes under kills, pauses and partitions, for a minute
	$(KENSHO) test register $(OPTIONS)

prove: programs ## the same with ten seeds; figures to results/published/linearizability.json
	rm -rf $(RUNS)/prove
	for seed in $(SEEDS); do $(KENSHO) test register --seed $$seed --out $(RUNS)/prove $(OPTIONS) || exit; done
	$(KENSHO) summary $(RUNS)/prove/register/2* --out $(PUBLISHED)/linearizability.json

failover: programs ## time without service after kills of an owner, of the master, of both
	$(KENSHO) failover $(OPTIONS)

soak: programs ## ten minutes at full load, in which nothing may fail over
	$(KENSHO) soak --rate max $(OPTIONS)

programs-broken: programs
	cargo build --release --package kensho-node --features break-rules --target-dir $(BROKEN)

test-broken-rules: programs-broken ## real nodes with a broken rule must be found invalid
	-$(BROKEN_TEST) --break-rules local-read --nemesis pause --seed 1 --out $(RUNS)/local-read
	-$(BROKEN_TEST) --break-rules ack-before-backup --nemesis kill --seed 1 --out $(RUNS)/ack-before-backup
	-$(BROKEN_TEST) --break-rules retry-applied-twice --seed 1 --out $(RUNS)/retry-applied-twice
