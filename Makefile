# The verbs a person types. Each is one line that calls cargo or kensho.
KENSHO = cargo run --release --quiet --bin kensho --

.DEFAULT_GOAL := help
.PHONY: help build test lint programs test-linearizability failover soak

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 28

build: ## build kensho and kensho-node
	cargo build --release --workspace

lint: ## formatting, clippy and docs, warnings denied
	cargo fmt --all -- --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --quiet

test: lint ## everything that must pass before a change lands
	cargo test --release --workspace

programs:
	cargo build --release --package kensho --package kensho-node

test-linearizability: programs ## 5 real nodes under kills, pauses and partitions; OPTIONS="--seed 7 --time-limit 30s"
	$(KENSHO) test register $(OPTIONS)

failover: programs ## time without service after kills of an owner, of the master, of both
	$(KENSHO) failover $(OPTIONS)

soak: programs ## ten minutes at full load, in which nothing may fail over
	$(KENSHO) soak --rate max $(OPTIONS)
