# `make` or `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run reproduce-tables test test-all lint dist clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

$(BIN)/lopa-bench: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[figures]'
	@touch $@

$(VENV)/.test: $(BIN)/lopa-bench
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

install: $(BIN)/lopa-bench  ## a virtual environment in .venv with lopa-bench in it

run: install  ## install, then the main job: LOPA on the embedded RTE task, for five of the recipe's twelve epochs
	$(BIN)/lopa-bench task=rte method=lopa train.epochs=5

# `make -n` prints what it would do: here that is the plan, so the line runs (+) with -n handed on.
DRY = $(findstring n,$(firstword -$(MAKEFLAGS)))
reproduce-tables: $(BIN)/lopa-bench  ## every table, claim and figure (SCALE=mini|small|paper, FAST=1: a quick look, DECIDE=1: further seeds by need, -n: the plan)
	@+$(BIN)/lopa-bench reproduce scale=$(or $(SCALE),mini) $(if $(FAST),fast=true) $(if $(DECIDE),decide=true) $(if $(DRY),--dry-run) $(WITH)

test: $(VENV)/.test  ## install, then the default tests (offline, CPU; four to six minutes on two idle cores with AVX-512, nine on older ones)
	$(BIN)/python -m pytest -n auto

test-all: $(VENV)/.test  ## the slow tests too
	$(BIN)/python -m pytest -n auto -m ""

lint: $(VENV)/.test  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

dist: $(BIN)/lopa-bench  ## source archive and wheel in dist/, checked as the package index does
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[release]'
	rm -rf dist
	$(BIN)/python -m build -q
	$(BIN)/python -m twine check --strict dist/*

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
