# Two commands do everything: `make replay` and `make test`. `make help` lists the rest.

TWIN_PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
PYTEST := $(PYTHON) -m pytest -q --durations=15 --durations-min=5
# Tests of a file go to one worker, so that what they share is made once; conftest.py has their order.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
APART := long
QUICK := tests/base tests/model tests/spec tests/statistics tests/results tests/data tests/structure \
  tests/simulation/test_schedule.py tests/simulation/test_queries.py tests/acceptance/test_readme_figures.py
PIP_INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help replay test test-quick test-long checks compiled ui extras figures picture agreement agreement-random bench lint types contracts tests schemas docs clean

help: ## list the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+)[a-z ]*:.*## /\1 : /' | awk -F ' : ' '{ printf "  make %-17s %s\n", $$1, $$2 }'

replay: $(VENV)/installed ## replay the event of 20 October 2025 on two Ray actors and score it
	@$(BIN)/twin replay scenarios/us-east-1-2025-10-20.yaml --runner ray --actors 2

ui: $(VENV)/installed-ui ## open the page in a browser
	@$(BIN)/twin ui

extras: $(VENV)/installed-all ## install what twin ui, twin search and twin compare --html need

test: checks tests ## lint, types, import contracts and all tests but the long ones

test-quick: checks ## the same with a selection of the tests, in two minutes
	@echo "== a selection of the tests"
	@$(PYTEST) $(PARALLEL) -m "not ($(APART) or ray or browser or slow)" -k "not canary" $(QUICK)

# None of these needs another: what waits for one core leaves the others to the rest.
checks: $(VENV)/installed-dev
	@$(MAKE) -j --output-sync=target lint types contracts compiled

lint: $(VENV)/installed-dev ## style
	@echo "== lint"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

types: $(VENV)/installed-dev ## types
	@echo "== types"
	@$(PYTHON) -m mypy --no-error-summary

contracts: $(VENV)/installed-dev ## import layers
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

# What the region and a shop need is compiled first, or the parallel workers would wait for each other.
compiled: $(VENV)/installed-dev
	@echo "== compiling what has changed (all of it: half a minute)"
	@$(PYTHON) -c "import twin; [twin.run(twin.load(name, until='+1m')) for name in ('scenarios/us-east-1-2025-10-20.yaml', 'scenarios/examples/slow-dependency.yaml')]"

tests: compiled ## all tests but the long ones
	@echo "== tests"
	@$(PYTEST) $(PARALLEL) -m "not ($(APART))"

test-long: compiled ## the tests that make test leaves out
	@$(PYTEST) $(PARALLEL) -m long

ROWS ?=
bench: compiled ## measure the twin and its peers, and write docs/bench.md (ROWS="storm race" for a part)
	@$(PYTHON) -m tests.bench --write $(ROWS)

docs schemas: $(VENV)/installed ## write the generated files again: references, JSON Schemas
	@$(PYTHON) -m twin.cli._reference

agreement: $(VENV)/installed-dev ## compare small systems with an event simulation, and write docs/agreement.md
	@$(PYTHON) -m tests.compositions.agreement --write

N ?= 200
agreement-random: $(VENV)/installed-dev ## compare N small random systems with an event simulation (N=200)
	@$(PYTHON) -m tests.compositions.random_agreement -n $(N) --minimise

figures: $(VENV)/installed-dev ## write the figures of the replay into the README again
	@$(PYTHON) -m tests.acceptance.figures --write

picture: $(VENV)/installed-dev ## take the picture of the newest run's blast radius (needs chromium)
	@$(PYTHON) ui/picture.py data/pictures/blast-radius.png

clean: ## remove the environment, the caches and the runs
	@rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis data/runs
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------

$(VENV)/installed: pyproject.toml constraints.txt setup.py | $(PYTHON)
	@echo "Installing into $(VENV) (about 1 GB; a minute or two, once)"
	@$(PIP_INSTALL) -e .
	@touch $@

# Each extra has a stamp, and what installs more renews the stamps of what it includes.
$(VENV)/installed-%: pyproject.toml constraints.txt setup.py | $(PYTHON)
	@echo "Installing into $(VENV), with the packages of [$*] (a minute or two, once)"
	@$(PIP_INSTALL) -e '.[$*]'
	@touch $(VENV)/installed $@

$(PYTHON):
	@command -v $(TWIN_PYTHON) >/dev/null || { \
	  echo "$(TWIN_PYTHON) was not found: install Python 3.11 or later, or name one: make TWIN_PYTHON=/path/to/python3" >&2; exit 1; }
	@$(TWIN_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$$($(TWIN_PYTHON) --version) is too old: the twin needs Python 3.11 or later. Name one: make TWIN_PYTHON=python3.11" >&2; exit 1; }
	@$(TWIN_PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(TWIN_PYTHON) has no venv or pip: install them (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(TWIN_PYTHON) -m venv $(VENV)
