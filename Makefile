# Every target makes what it needs: a fresh Debian with python3 (3.11 or newer), python3-venv and make is enough.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
JOBS ?= 2# tests that run beside each other: most of them wait for processes that they have started

# The real timetable, where it lies beside the checkout; without it the built-in one is used.
SHARED = $(abspath ../shared/data/12306)
ifneq ($(wildcard $(SHARED)/timetable-2016-10.csv),)
export RINGFOLD_TIMETABLE ?= $(SHARED)/timetable-2016-10.csv
endif
ifneq ($(wildcard $(SHARED)/coaches.json),)
export RINGFOLD_COACHES ?= $(SHARED)/coaches.json
endif

ifneq ($(wildcard $(SHARED)/stations-2016-10.csv),)
export RINGFOLD_STATIONS ?= $(SHARED)/stations-2016-10.csv
endif

.NOTPARALLEL:  # lint, then types, then tests: the last line is the tests' summary
.PHONY: docs attack help demo test check lint types verifytypes tests smoke slow matrix chaos cluster-chaos crash drill sale bench national clean

help:            ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 15

# Installed once; again only when pyproject.toml changes.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[test,check,all,frameworks,otel]'
	@touch $@

demo: $(READY)   ## a country on sale on a temporary directory, whole orders, a rush of several clients
	$(BIN)/python run.py demo

test: check      ## everything that has to be green: the same as check

check: lint types tests  ## ruff, mypy strict, tests

lint: $(READY)   ## ruff
	$(BIN)/ruff check .

types: $(READY)  ## mypy --strict
	$(BIN)/mypy

verifytypes: $(READY)  ## how completely the public names are typed: pyright, which is installed for it
	-$(BIN)/python -m pip install --disable-pip-version-check --quiet 'pyright[nodejs]'
	$(BIN)/python -m tests.verify_types

tests: $(READY)  ## all tests but the long ones; make tests JOBS=4
	$(BIN)/python -m pytest -m 'not slow and not smoke' -n $(JOBS) --dist worksteal

smoke: $(READY)  ## a small run of what is long: chaos, crash points, attacks, benchmarks, planted bugs
	$(BIN)/python -m pytest -m 'smoke and not slow'

slow: $(READY)   ## only the slow tests
	$(BIN)/python -m pytest -m slow

matrix:          ## short tests on each Python from 3.11 to 3.13 that is here, with the oldest and the newest dependencies
	$(PYTHON) -m tests.matrix

chaos: $(READY)  ## random kills under load; make chaos SECONDS=600 SEED=7
	$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),90) $(if $(SEED),--seed $(SEED))

drill: $(READY)  ## a node with a fault, to be found with doctor, top and /metrics; make drill FAULT=behind
	$(BIN)/python -m tests.drill --tell $(if $(FAULT),--fault $(FAULT))

cluster-chaos: $(READY)  ## the same for several nodes and their servers; make cluster-chaos KILL=servers SECONDS=120
	$(BIN)/python -m tests.cluster --kill $(or $(KILL),nodes) --seconds $(or $(SECONDS),90) $(if $(SEED),--seed $(SEED))

crash: $(READY)  ## every process dies at every crash point, for the 1st, 2nd and 17th time
	$(BIN)/python -m pytest -m 'slow or not slow' tests/crash

attack: $(READY) ## clients that mean harm: none stops the node or makes it grow
	$(BIN)/python -m pytest tests/attack

sale: $(READY)   ## 10,000 buyers for 1,000 units while every process is killed three times; make sale SEED=7
	$(BIN)/python -m tests.flash_sale $(if $(SEED),--seed $(SEED))

cluster: $(READY)  ## three NATS servers, three nodes, a sale; the node that decides is killed, everything is checked
	$(BIN)/python -m examples.cluster

bench: $(READY)  ## throughput, latency, ring, replay, snapshot, rebuild and gateway, each verifying its own run
	$(BIN)/python -m benchmarks.throughput --json
	$(BIN)/python -m benchmarks.latency --json
	$(BIN)/python -m benchmarks.ring --json
	$(BIN)/python -m benchmarks.replay --json
	$(BIN)/python -m benchmarks.snapshot --json
	$(BIN)/python -m benchmarks.rebuild --json
	$(BIN)/python -m benchmarks.gateway --json

national: $(READY)  ## every train of the timetable on 15 days, opened and sold
	$(BIN)/python -m benchmarks.national --json

docs: $(READY)   ## the documentation as a site, build/docs; a link or an anchor that leads nowhere ends it
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[docs]'
	$(BIN)/python docs/site.py build/pages
	$(BIN)/zensical build --strict --clean

clean:           ## removes what was made here, the virtual environment included
	rm -rf $(VENV) build dist .cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
