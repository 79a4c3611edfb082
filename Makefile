# The two commands of the README, and what they stand on. PYTHON chooses the interpreter, SCALE and SUITES what is run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= small
SUITES ?= '*'
MACHINE ?= $(shell hostname)
BASE ?= HEAD~3
HEAD ?= HEAD

# Timings are comparable only when nothing starts threads of its own.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1

.PHONY: leaderboard test setup lint peers tables clean help

leaderboard: setup ## run every suite at scale small and print the leaderboard and the verdicts
	$(BIN)/optathlon run $(SUITES) --scale $(SCALE) || [ $$? -eq 2 ]
	$(BIN)/optathlon leaderboard --scale $(SCALE)

test: setup ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadscope

setup: $(VENV)/.installed ## make the environment

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Optathlon needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

lint: setup ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

peers: setup ## measure ours against other libraries, one benchmark at a time
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python -m pytest tests/peers --benchmark-enable

tables: setup ## write results/LEADERBOARD.md and results/leaderboard.csv from the records
	$(BIN)/optathlon leaderboard --write

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis html build *.egg-info

help: ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'
