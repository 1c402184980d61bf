# Every verb begins with `setup`, which does nothing when there is nothing to do.
.DEFAULT_GOAL := help
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.milepost-setup
LOCK := requirements.lock

# The newest Python from 3.11 on that is installed, unless PYTHON names one.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

.PHONY: help setup demo test lint types floors docs soak bench lock

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv and install what is pinned

$(STAMP): $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Milepost needs Python 3.11 or newer, found $(or $(PYTHON),none): make setup PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || \
		{ echo "$(PYTHON) cannot make a virtual environment: install its venv package."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Run everything on a simulated fleet; ARGS="--exit --tracks DIR --days 7"
	$(BIN)/milepost demo $(ARGS)

test: setup ## Run the tests; ARGS="tests/store -k copy"
	$(BIN)/python -m pytest $(ARGS)

lint: setup ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types
	$(BIN)/mypy

floors: setup ## Check that imports point down only
	$(BIN)/lint-imports

soak: setup ## Run the long form of every promise, an hour at most; ARGS="--write"
	$(BIN)/python -m tests.soak $(ARGS)

docs: setup ## Write the pages that are made of code
	$(BIN)/python -m tests.pages

bench: setup ## Measure throughput and latency; prints medians and ratios
	$(BIN)/python -m bench $(ARGS)

lock: ## Pin the newest versions of everything for Python 3.11 to 3.14 (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group dev pyproject.toml -o $(LOCK)
