# Two commands: `make demo` shows the bridge at work, `make test` proves it. Both install what is missing.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export CARGO_TARGET_DIR ?= $(HOME)/.cache/spandrel-target
export CARGO_TERM_COLOR ?= auto

CARGO_BIN := $(firstword $(wildcard $(HOME)/.cargo/bin/cargo) cargo)
PRINTED := $(CARGO_TARGET_DIR)/tests-printed
NODE_READY := contracts/node_modules/.package-lock.json

.PHONY: demo test setup toolchains format lint rules contracts rust vectors summary schema client console fuzz bench load clean

demo: setup
	@echo '==> building spandrel (the first build takes some minutes)'
	@$(CARGO_BIN) build --package spandrel
	@$(CARGO_TARGET_DIR)/debug/spandrel demo $(DEMO_FLAGS)

test: setup format lint rules contracts rust summary schema client console fuzz
	@echo '==> all tests passed'

setup: toolchains $(NODE_READY)

toolchains:
	@./.ci/setup

$(NODE_READY): contracts/package.json contracts/package-lock.json | toolchains
	@echo '==> installing solc, forge, anvil and OpenZeppelin (npm)'
	@cd contracts && npm ci --no-audit --no-fund
	@touch $@

format: setup
	@echo '==> format'
	@$(CARGO_BIN) fmt --all --check

lint: setup
	@echo '==> clippy, warnings denied'
	@$(CARGO_BIN) clippy --workspace --all-targets -- -D warnings
	@echo '==> the verifiers without their edge'
	@$(CARGO_BIN) check --quiet --package spandrel-verifiers --no-default-features
	@echo '==> rustdoc of the verifiers, warnings denied'
	@RUSTDOCFLAGS='-D warnings' $(CARGO_BIN) doc --no-deps --package spandrel-verifiers --package spandrel-lanes

rules:
	@echo '==> security rules: each names a test that is there'
	@./.ci/rules
	@echo '==> alerts: their metrics, runbook and tests'
	@./.ci/alerts

contracts: setup
	@echo '==> contracts: artifacts, tests, gas'
	@cd contracts && npm run --silent check && npm test --silent

rust: setup
	@echo '==> unit, property, vector, simulation and end-to-end tests'
	@nats=$$(./.ci/nats); SPANDREL_NATS="$$nats" CARGO=$(CARGO_BIN) ./.ci/tests $(PRINTED) | ./.ci/skipped
	@echo '==> hashing without wide lanes'
	@$(CARGO_BIN) test --quiet --package spandrel-lanes --features plain

# What came of every case of the vectors; `summary` is of those that `rust` has run already, by chain.
vectors: setup
	@CARGO=$(CARGO_BIN) ./.ci/vectors

summary: setup
	@echo '==> vectors: what came of them, by chain'
	@CARGO=$(CARGO_BIN) ./.ci/vectors $(PRINTED)

schema: setup
	@echo '==> the transfer API against its own document, by schemathesis'
	@./.ci/schema

client: setup
	@echo '==> a transfer by a client generated from that document'
	@./.ci/client

console: setup
	@echo '==> the console in headless Chromium, on a running bridge'
	@./.ci/console

fuzz: setup
	@echo '==> fuzzing every parser for a bounded time'
	@verifiers/fuzz/run
	@echo '==> fuzzing every request decoder for a bounded time'
	@relayer/fuzz/run

# About ten minutes on two cores, once built. Criterion's own figures are short looks; the ratios, which come last, are of
# rounds of their own, peer and ours in turns. The second run is of the benches whose rows have a plain figure, and skips
# criterion's statistics. `collect` was built beside them.
BENCH_LOOKS := --warm-up-time 0.3 --measurement-time 1 --nresamples 5000 --noplot
BENCH_PLAIN := sync_committee cosmos storage_proofs bitcoin_headers solana deposit_batches

bench: setup
	@mkdir -p $(CARGO_TARGET_DIR)/bench
	@$(CARGO_BIN) bench --package spandrel-benches -- $(BENCH_LOOKS) | tee $(CARGO_TARGET_DIR)/bench/wide
	@$(CARGO_BIN) bench --package spandrel-benches --features plain $(BENCH_PLAIN:%=--bench %) -- --test \
		| tee $(CARGO_TARGET_DIR)/bench/plain
	@$(CARGO_TARGET_DIR)/release/collect $(CARGO_TARGET_DIR)/bench/wide $(CARGO_TARGET_DIR)/bench/plain

load: setup
	@command -v wrk >/dev/null || { echo '==> installing wrk (apt-get)'; apt-get install -y -qq wrk >/dev/null; }
	@$(CARGO_BIN) build --release --package spandrel --package spandrel-tests --bins
	@$(CARGO_TARGET_DIR)/release/load "$$(command -v wrk)"

clean:
	@rm -rf contracts/node_modules contracts/out contracts/cache
	@$(CARGO_BIN) clean
