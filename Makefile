# The verbs a person types. Each calls cargo or kensho; OPTIONS="…" is passed on.
KENSHO = target/release/kensho
RUNS = results/runs
PUBLISHED = results/published
SEEDS = 1 2 3 4 5 6 7 8 9 10
# Programs in which safety rules can be broken on purpose; never those that ship.
BROKEN = target/break-rules
RULES_TABLE = $(KENSHO) rules-table $(PUBLISHED)/broken-rules-*.json --out $(PUBLISHED)/broken-rules.md

.DEFAULT_GOAL := help
.PHONY: help build test lint programs cluster test-linearizability prove failover rolling-restart scale-out soak serve \
	bench charts loss memory bench-figures programs-broken test-broken-rules models models-large models-figures simulate simulate-series \
	bugs systems election-figures bench-checker bench-maelstrom fuzz-checker fuzz-verdicts

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 28

build: ## build everything
	cargo build --release --workspace

lint: ## formatting, clippy and docs, warnings denied
	cargo fmt --all -- --check
	cargo clippy --profile tests --workspace --all-targets -- -D warnings
	cargo clippy --profile tests --package kensho-models --all-targets --features break-rules -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --profile tests --workspace --no-deps --quiet

# Clippy compiles examples and benches too; building them takes minutes and tests nothing more. The
# artificial worlds, and the protocol once more, are tested in the build that can break rules: nothing is broken there
# unless a test asks.
test: lint ## everything that must pass before a change lands
	cargo test --profile tests --workspace --exclude kensho-models --lib --bins --tests
	cargo test --profile tests --package kensho-models --package kensho-protocol --features kensho-models/break-rules --lib --tests
	cargo test --profile tests --workspace --exclude kensho-models --doc

# Three nodes, two failovers, and logs that diverge, in time. So many generated states have more
# than 20 million different ones among them; depth first keeps a few bytes of each.
LARGE_MODEL = replication-divergence
LARGE_STATES = 120000000
WORLDS = cargo run --release --package kensho-models
BROKEN_WORLDS = $(WORLDS) --features break-rules --target-dir $(BROKEN)

models: programs ## explore the protocol exhaustively in small configurations
	$(KENSHO) model $(OPTIONS)

models-large: programs ## explore one model of more than 20 million states, for minutes
	$(KENSHO) model $(LARGE_MODEL) --states $(LARGE_STATES) $(OPTIONS)

models-figures: programs ## both, with figures to results/published/models*.json
	$(KENSHO) model --out $(PUBLISHED)/models.json
	$(KENSHO) model $(LARGE_MODEL) --states $(LARGE_STATES) --out $(PUBLISHED)/models-large.json

simulate: programs ## many seeds of faults in virtual time: replicas alone, whole clusters, every workload
	$(KENSHO) simulate --seeds 0..2000 $(OPTIONS)
	$(KENSHO) simulate --world cluster --seeds 0..1000 $(OPTIONS)
	for workload in register set counter unique-ids queue lock backup-reads list-append rw-register bank; do \
		$(KENSHO) simulate --workload $$workload --seeds 0..50 $(OPTIONS) || exit; \
	done

simulate-series: programs ## 10,000 seeds of five virtual minutes in both modes, an hour; to results/published/series
	mkdir -p $(PUBLISHED)/series
	for part in 0 1 2 3 4 5 6 7 8 9; do for mode in semi-sync async; do \
		$(KENSHO) simulate --mode $$mode --duration 5m --seeds $${part}000..$$((part + 1))000 --keep-going \
			--out $(PUBLISHED)/series/$$mode-$$part.json $(OPTIONS) || exit; \
	done; done

bugs: programs ## break each rule in models and worlds; figures to results/published/broken-rules-*.json
	$(BROKEN_WORLDS) --example bugs -- --out $(PUBLISHED)/broken-rules-replication.json $(OPTIONS)
	$(BROKEN_WORLDS) --example election -- --json $(PUBLISHED)/broken-rules-election.json
	$(RULES_TABLE)

election-figures: ## rounds and messages of elections of 2 to 1,024 nodes; to results/published/election.json
	$(WORLDS) --example bully -- --out $(PUBLISHED)/election.json $(OPTIONS)

programs:
	cargo build --release --package kensho --package kensho-node

cluster: programs ## three nodes on this machine to play with; Ctrl-C stops them
	$(KENSHO) cluster up --nodes 3 $(OPTIONS)

serve: programs ## browse all runs in a browser, and watch the one that goes on
	$(KENSHO) serve --runs $(RUNS) $(OPTIONS)

test-linearizability: programs ## five real nodes under kills, pauses and partitions, for a minute
	$(KENSHO) test register $(OPTIONS)

# Full disks are among what is usual (disk); folders that are put back, cloned and lost take longer to get over.
PROVE = --nemesis kill,pause,partition,disk,folder --time-limit 90s
prove: programs ## ten seeds, with data folders that are put back, cloned and lost; to results/published/linearizability.json
	rm -rf $(RUNS)/prove
	for seed in $(SEEDS); do $(KENSHO) test register $(PROVE) --seed $$seed --out $(RUNS)/prove $(OPTIONS) || exit; done
	$(KENSHO) summary $(RUNS)/prove/register/2* --out $(PUBLISHED)/linearizability.json

failover: programs ## time without service after kills of an owner, of the master, of both
	$(KENSHO) bench failover --out $(RUNS) $(OPTIONS)
	cp $(RUNS)/failover/latest/failover.json $(PUBLISHED)/failover.json
	$(KENSHO) bench failover --heartbeat 5s --out $(RUNS) $(OPTIONS)
	cp $(RUNS)/failover/latest/failover.json $(PUBLISHED)/failover-default-heartbeat.json

rolling-restart: programs ## longest wait while all nodes are restarted in order, beside a control
	$(KENSHO) bench rolling-restart --save $(PUBLISHED)/rolling-restart.json $(OPTIONS)

scale-out: programs ## nodes join under load: longest wait beside a control, and when each has its share
	$(KENSHO) bench scale-out --save $(PUBLISHED)/scale-out.json $(OPTIONS)

soak: programs ## ten minutes at full load, in which nothing may fail over
	$(KENSHO) bench soak --rate max --out $(RUNS) $(OPTIONS)
	cp $(RUNS)/soak/latest/soak.json $(PUBLISHED)/soak.json

bench: programs ## what replication costs, side by side, compared with results/published/; ten minutes
	$(KENSHO) bench --suite standard --compare $(PUBLISHED)/bench.json $(OPTIONS)

CHARTS = results/charts
# Long series are run once, by `make failover`, `make loss` and `make election-figures`.
SERIES = $(wildcard $(addprefix $(PUBLISHED)/,failover.json loss.json election.json))
charts: programs ## measure and draw everything to results/charts; QUICK=1: rough figures in two minutes
	mkdir -p $(CHARTS)
	$(KENSHO) bench --suite $(if $(QUICK),quick,standard) --save $(CHARTS)/bench.json
	$(KENSHO) bench outage $(if $(QUICK),--around 2s --away 2s) --save $(CHARTS)/outage.json
	$(KENSHO) bench catch-up $(if $(QUICK),--megabytes 16 --around 2s) --save $(CHARTS)/catch-up.json
	$(KENSHO) charts $(CHARTS)/bench.json $(CHARTS)/outage.json $(CHARTS)/catch-up.json $(SERIES) --out $(CHARTS)

loss: programs ## acknowledged writes lost by kills of owners; figures to results/published/loss.json
	$(KENSHO) bench loss --save $(PUBLISHED)/loss.json $(OPTIONS)

memory: programs ## half an hour of overwriting: memory and log on disk must not grow; to results/published/memory.json
	$(KENSHO) bench memory --save $(PUBLISHED)/memory.json $(OPTIONS)

bench-figures: programs ## the load suite and the charts anew to results/published/
	$(KENSHO) bench --suite standard --save $(PUBLISHED)/bench.json
	$(KENSHO) bench outage --save $(PUBLISHED)/outage.json
	$(KENSHO) bench catch-up --save $(PUBLISHED)/catch-up.json
	mkdir -p $(PUBLISHED)/charts
	$(KENSHO) charts $(PUBLISHED)/bench.json $(PUBLISHED)/outage.json $(PUBLISHED)/catch-up.json $(SERIES) --out $(PUBLISHED)/charts

programs-broken: programs
	cargo build --release --package kensho-node --features break-rules --target-dir $(BROKEN)

test-broken-rules: programs-broken ## real nodes with a broken rule must be found invalid, within five runs
	rm -rf $(RUNS)/broken
	$(KENSHO) broken-rules --node-binary $(BROKEN)/release/kensho-node --out $(RUNS)/broken \
		--save $(PUBLISHED)/broken-rules-real.json $(OPTIONS)
	$(RULES_TABLE)

systems: programs ## put real systems that are installed to the test, twice; to results/published/systems.md
	$(KENSHO) trials --times 2 --out $(RUNS)/trials --save $(PUBLISHED)/systems.md $(OPTIONS)

bench-checker: ## time and memory of the checker; figures and chart to results/published/checker.*
	cargo run --release --package kensho-checker --example bench_checker -- \
		$(PUBLISHED)/checker.json $(PUBLISHED)/checker.svg

bench-maelstrom: ## how fast kensho maelstrom drives nodes, and what it takes beside its time limit; to results/published/maelstrom.json
	cargo build --release --package kensho-maelstrom --bins
	cargo run --release --package kensho-maelstrom --example maelstrom_speed -- $(PUBLISHED)/maelstrom.json

FUZZ_SECONDS = 600
fuzz-verdicts: ## damage histories for FUZZ_SECONDS and compare every model with its oracle
	KENSHO_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --release -p kensho-checker --test oracle damage -- --nocapture

fuzz-checker: ## fuzz each reader of histories for FUZZ_SECONDS, guided by coverage
	checker/fuzz/run.sh $(FUZZ_SECONDS) $(OPTIONS)
