# The verbs a person types. Each is one line that calls cargo or kensho.
KENSHO = cargo run --release --quiet --bin kensho --

.DEFAULT_GOAL := help
.PHONY: help build test lint

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
