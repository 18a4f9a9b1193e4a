# Every target sets itself up: Python >= 3.11, pip, git and make are all that is needed.
#
#   make demo        a first lease, on a sandbox: needs nothing else, takes a minute or two
#   make test        tests with branch coverage and its gate
#   make lint        ruff, mypy, import-linter
#   make format      rewrite the source the way `make lint` wants it
#   make docs        the documentation, warnings are errors: doc/build/html/index.html
#   make bench       speed and memory beside python-blazarclient 4.6.0
#   make cloud-test  the functional tests against a real cloud on this machine, and through a gateway
#   make clean       remove what the other targets made inside this folder

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := test

# The first of these that runs and is new enough; a name on PATH alone proves nothing
# (pyenv has one for every Python that it knows of, installed or not).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; \
    done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-demo

# Arguments for pytest, such as PYTEST_ARGS='-k lease -x'. A part of the tests is not measured.
PYTEST_ARGS ?=

# Where `make bench` keeps the environments that it compares.
export BENCH_HOME ?= $(HOME)/.cache/blazarclient-bench
BENCH_ARGS ?=

# What `make cloud-test` runs against: a Blazar release, or one with a gateway of this tree in front
# of it, to which the tests speak a microversion. KEEP_CLOUD=1 leaves the last cloud running.
CLOUD_RUNS ?= 18.0.0:1.2 16.0.0:1.0
CLOUD_PYTHON ?= $(PYTHON)
KEEP_CLOUD ?=
CLOUD := $(CLOUD_PYTHON) tests/cloud/cloud
GATEWAY := $(BIN)/python tests/cloud/gateway

.PHONY: demo test lint format docs bench cloud-test clean

# Debian's Python comes without ensurepip; its pip can fill an environment all the same.
define MAKE_VENV
	@[ -n "$(PYTHON)" ] || { echo 'make: no Python >= 3.11 found; name one with PYTHON=...' >&2; exit 1; }
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	    else $(PYTHON) -m venv --without-pip $(VENV) && \
	        $(PYTHON) -m pip --python $(BIN)/python install -q pip; fi; \
	fi
endef

$(STAMP): setup.cfg pyproject.toml
	$(MAKE_VENV)
	$(BIN)/python -m pip install -q -e '.[cli,docs,lint,server,test]'
	@touch $@ $(DEMO_STAMP)

# A part of what the other targets install, so that the first look does not wait for it all.
$(DEMO_STAMP): setup.cfg pyproject.toml
	$(MAKE_VENV)
	$(BIN)/python -m pip install -q -e '.[server]'
	@touch $@

demo: $(DEMO_STAMP)
	@doc/demo.sh $(BIN)

test: $(STAMP)
	$(BIN)/python -m pytest $(or $(PYTEST_ARGS),--numprocesses=2 --no-loadscope-reorder --cov --cov-report=term)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -q -b html doc/source doc/build/html
	@echo 'doc/build/html/index.html'

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/run.py $(BENCH_ARGS)
	$(BIN)/python tests/benchmarks/sandbox.py

# A cloud of the same release is emptied first: leases of an earlier run may hold the hosts.
cloud-test: $(STAMP)
	@export CLOUD_BLAZAR_EVENT_INTERVAL=1 CLOUD_BLAZAR_VERSION BLAZARCLIENT_TEST_CLOUD=1; \
	trap '$(GATEWAY) down || :; [ "$(KEEP_CLOUD)" = 1 ] || $(CLOUD) down' EXIT; \
	for run in $(CLOUD_RUNS); do \
	    CLOUD_BLAZAR_VERSION=$${run%%:*}; \
	    version=$${run#"$$CLOUD_BLAZAR_VERSION"}; version=$${version#:}; \
	    echo "== Blazar $$CLOUD_BLAZAR_VERSION$${version:+, through the gateway at $$version}"; \
	    $(CLOUD) up; \
	    $(CLOUD) reset; \
	    $(CLOUD) seed; \
	    [ -z "$$version" ] || $(GATEWAY) up; \
	    ( eval "$$($(CLOUD) env)"; \
	      [ "$$version" != 1.2 ] || chain=tests/cloud_gateway; \
	      env $${version:+BLAZARCLIENT_TEST_VERSION=$$version} \
	          $(BIN)/python -m pytest tests/functional $${chain-} \
	          $(or $(PYTEST_ARGS),--numprocesses=2 --no-loadscope-reorder) ); \
	    [ -z "$$version" ] || $(GATEWAY) down; \
	done

clean:
	rm -rf .venv .tox .coverage .coverage.* htmlcov build dist doc/build *.egg-info \
	    .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find blazarclient tests doc -name __pycache__ -type d -prune -exec rm -rf {} +
