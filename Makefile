# The two commands of the README, and what they stand on. PYTHON chooses the interpreter, SCALE and SUITES what is run,
# COMMITS what asv measures.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= small
SUITES ?= '*'
COMMITS ?= HEAD^!
# Which of asv's numbers, as a regular expression on names such as bench_coresets.Coresets.track_error('digits/craig', 'cpu').
BENCH ?= .
# The device that is not here is left out.
ABSENT := $(if $(wildcard /dev/nvidiactl),nothing,cuda)
# Cells at a time. Each has one thread; JOBS=1 on a quiet machine for seconds that are to be published.
JOBS ?= 2
# How long `make gpu` may take, and what it is told besides.
MINUTES ?= 9
GPU_OPTIONS ?=

# Timings are comparable only when nothing starts threads of its own.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1

.PHONY: leaderboard test setup lint peers boundscheck campaigns gpu tables history site clean help

leaderboard: setup ## print what is published, run every suite at scale small here, print both boards beside each other
	$(BIN)/optathlon leaderboard --scale $(SCALE) --summary || true
	$(BIN)/optathlon run $(SUITES) --scale $(SCALE) --jobs $(JOBS) || [ $$? -eq 2 ]
	$(BIN)/optathlon leaderboard --scale $(SCALE)

test: setup ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

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
	$(BIN)/lint-imports
	$(BIN)/pyright

peers: setup ## measure ours against other libraries, one benchmark at a time
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python -m pytest tests/peers --benchmark-enable

campaigns: setup ## attack the harness: kills, mutated records, hostile methods and data files, bad weather (15 minutes)
	failed=0; for name in hostile kills records datafiles weather; do \
	  $(BIN)/python tests/campaigns/$$name.py 2>campaign-$$name.log || { failed=1; tail -n 40 campaign-$$name.log; }; done; exit $$failed

boundscheck: setup ## run the tests of the compiled kernels with bounds checks, in a cache of their own
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.cache/boundscheck $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests/baselines

gpu: ## check cells on cuda, then run what a GPU is for (MINUTES, GPU_OPTIONS; --device cpu --dry rehearses)
	PYTHONPATH=. $(PYTHON) tests/gpu/session.py --minutes $(MINUTES) $(GPU_OPTIONS)

tables: setup ## write results/LEADERBOARD.md and results/leaderboard.csv from the records
	$(BIN)/optathlon leaderboard --write
	$(BIN)/optathlon tables

history: setup ## measure COMMITS with asv (a range such as HEAD~3..HEAD, or NEW)
	PIP_CONSTRAINT="$$($(BIN)/python -c 'import pathlib; print(pathlib.Path("constraints.txt").resolve().as_uri())')" $(BIN)/asv run --machine "$$($(BIN)/python -m optathlon.asv.machine)" \
	  --launch-method forkserver --show-stderr --bench "^(?!.*'$(ABSENT)').*($(BENCH))" '$(COMMITS)' || [ $$? -eq 2 ]

site: setup ## write the site into html/; it opens from there (`optathlon serve` shows it while you work)
	$(BIN)/optathlon publish

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis html build *.egg-info campaign-*.log

help: ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'
