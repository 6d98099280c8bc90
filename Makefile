# Everything a newcomer needs. `make` alone lists it. The virtual environment is made once and remade when the locks change.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV   ?= .venv
LOWEST := $(VENV)-lowest
TARGET ?=
BIN    := $(VENV)/bin

# The first of these that is new enough (pyenv's shims exist for Pythons that do not run: so each is tried).
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
SUITABLE   := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON     ?= $(shell for p in $(CANDIDATES); do $$p -c '$(SUITABLE)' 2>/dev/null && echo $$p && break; done)
INSTALL     = -m pip --disable-pip-version-check --quiet install
LOCKED      = $(INSTALL) --no-deps --require-hashes --requirement
EDITABLE    = $(INSTALL) --no-deps --no-build-isolation --editable .

# pip, not uv: it is there before anything else is. Each lock names all there is, with hashes: pip resolves nothing
# (older ones take the newest coverage for what pytest-cov wants as coverage[toml], and then miss its hash).
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.14 with venv found. On Debian: apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runs: requirements/constraints.txt pyproject.toml | $(BIN)/python
	$(BIN)/python $(LOCKED) requirements/constraints.txt
	$(BIN)/python $(EDITABLE)
	@touch $@

$(VENV)/.tests: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(BIN)/python $(LOCKED) requirements/dev.txt
	$(BIN)/python $(EDITABLE)
	@touch $@ $(VENV)/.runs

# --- for everybody -----------------------------------------------------------------------------------------------------

.PHONY: help demo lab
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.runs ## trace across the built-in internet, or to TARGET=host
	$(BIN)/trippy-nb demo $(TARGET)

lab: $(VENV)/.tests ## JupyterLab on the lessons
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

# --- for who changes something -------------------------------------------------------------------------------------------

.PHONY: doctor check test lowest bench winpy kernels docs lock fix clean
doctor: | $(BIN)/python ## what this machine lacks, and the package that brings it
	@$(BIN)/python tests/needs.py

check: $(VENV)/.tests ## linters, types and borders, without the tests
	$(BIN)/python -m pip --disable-pip-version-check --quiet check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(BIN)/python docs/generate.py --check

# Coverage costs half the speed: CI measures it, with the tests of the rooms that have floors, less the sweeps of discovery.
ALL      := $(filter-out tests/__pycache__/,$(wildcard tests/*/))
MEASURED := $(addsuffix /,$(addprefix tests/,api lifetimes model tracing wire))
SWEEPS   := $(addprefix tests/tracing/test_discovery_,loss.py truth.py)
PYTEST   := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
test: check doctor ## everything: check, then all tests
ifeq ($(TRIPPY_NB_PROFILE),ci)
	$(PYTEST) $(MEASURED) $(SWEEPS:%=--ignore=%) --cov --cov-report=json:.coverage.json --cov-report=
	@$(BIN)/python .ci/coverage_floors.py .coverage.json
	$(PYTEST) $(SWEEPS) $(filter-out $(MEASURED),$(ALL))
else
	$(PYTEST)
endif

# Of the rooms that import other people's packages: the engine needs the standard library alone, whose version is the same here.
# Old releases warn about their newer neighbours: those warnings are theirs, so here they are only shown.
STDLIB_ONLY := house wire model tracing sim lifetimes security faults fuzz contract
lowest: requirements/lowest.txt ## the fast tests on the oldest versions we allow (Python 3.11)
	@test -x $(LOWEST)/bin/python || python3.11 -m venv $(LOWEST) || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python $(LOCKED) requirements/lowest.txt
	$(LOWEST)/bin/python $(EDITABLE)
	TRIPPY_NB_PROFILE=fast $(LOWEST)/bin/python -m pytest -n auto --dist loadfile -W default $(STDLIB_ONLY:%=--ignore=tests/%) -m "not slow and not hypothesis and not browser and not kernel and not netns and not tool"

bench: $(VENV)/.tests ## every benchmark, one after the other
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

winpy: $(VENV)/.tests ## Windows Pythons for the tests under wine, in .winpy (Debian: wine64 osslsigncode unzip)
	PYTHON=$(BIN)/python tests/lifetimes/winpy_setup.sh .winpy 3.11 3.13

kernels: $(VENV)/.tests ## older ipykernels, Notebook, Voila and marimo for the tests of front ends, in .kernels (1 GB)
	PYTHON=$(BIN)/python tests/notebooks/kernels_setup.sh .kernels

docs: $(VENV)/.tests ## the pages that are made from tables in the code
	$(BIN)/python docs/generate.py

fix: $(VENV)/.tests ## what ruff can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

UV = $(BIN)/uv --quiet pip compile --generate-hashes --no-header --no-annotate pyproject.toml
lock: $(VENV)/.tests ## resolve the three files in requirements/ again, to the newest
	$(UV) --universal --python-version 3.11 --upgrade --group dev --output-file requirements/dev.txt
	$(UV) --universal --python-version 3.11 --group build --constraint requirements/dev.txt --output-file requirements/constraints.txt
	$(BIN)/uv --quiet pip compile --resolution lowest-direct --python-version 3.11 pyproject.toml --output-file $(VENV)/lowest.in
	$(UV) --python-version 3.11 --group build --group test --constraint $(VENV)/lowest.in --output-file requirements/lowest.txt

clean: ## what was made, down to the virtual environments
	rm -rf $(VENV) $(LOWEST) .winpy .kernels build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
