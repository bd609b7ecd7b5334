# make run       sets up .venv and runs the job on the sample filings
# make test      sets up .venv with the development tools, then runs ruff, mypy and the quick tests
# make test-all  the same with every test
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet
LOCKS := $(wildcard requirements/*.txt)
EXTRAS := $(shell sed -n '/optional-dependencies/,/scripts/s/^\([a-z0-9]*\) = .*/\1/p' pyproject.toml | paste -sd,)
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

.PHONY: help run test test-slow test-all lint docs lock resolve everything torture clean
help: ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "finner-batch needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The locks name every package with its hashes; the project comes without dependencies, so that nothing is taken past them.
$(VENV)/.run: $(BIN)/python pyproject.toml $(LOCKS)
	@echo "installing what the job needs into $(VENV) (a few minutes the first time)"
	$(INSTALL) --require-hashes -r requirements/build.txt -r requirements/job.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml $(LOCKS)
	@echo "installing what the tests need into $(VENV) (a few minutes the first time)"
	$(INSTALL) --require-hashes -r requirements/test.txt
	$(INSTALL) -r requirements/torch.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

run: $(VENV)/.run ## set up, run the job on data/filings, show the rows
	$(BIN)/finner-batch run --input data/filings --output results
	@echo
	$(BIN)/finner-batch query --output results --file found
	@echo
	@echo "Next:  $(BIN)/finner-batch run --input YOUR_FILINGS/    reads your own filings into results/"
	@echo "       $(BIN)/finner-batch query --list                 shows the questions that come with it"
	@echo "       $(BIN)/finner-batch query 'SELECT company, text, value FROM entities WHERE confidence < 0.9'"

lint: $(VENV)/.test ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## set up, then ruff, mypy and the quick tests
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.test ## the tests that `make test` leaves out
	$(PYTEST) -m slow

test-all: test test-slow ## every test

docs: $(VENV)/.test ## write docs/cli.md, the reference of the commands, from the commands
	$(BIN)/python tests/docs/cli_reference.py

lock: $(BIN)/python ## write the locks in requirements/ from pyproject.toml (UPGRADE=--upgrade: the newest versions)
	$(INSTALL) uv
	$(BIN)/python requirements/lock.py $(UPGRADE)

resolve: $(VENV)/.test ## whether every extra can be installed with every other (downloads 2 GB, installs nothing)
	grep -h == requirements/*.txt | sed 's/ \\$$//' > $(VENV)/pins.txt
	$(INSTALL) --dry-run --constraint $(VENV)/pins.txt '.[$(EXTRAS)]'

$(VENV)/.everything: $(BIN)/python pyproject.toml $(LOCKS)
	$(INSTALL) --require-hashes -r requirements/everything.txt
	$(INSTALL) --no-build-isolation -r requirements/torch.txt --editable '.[cuda]'
	@touch $@

everything: ## set up .venv-everything with every extra (6 GB), import each, run doctor, the engines, the notebooks
	$(MAKE) VENV=.venv-everything .venv-everything/.everything
	.venv-everything/bin/python tests/everything.py

torture: $(VENV)/.test ## how the time of reading grows with hostile text, and of each pattern (half an hour)
	$(BIN)/python tests/torture/growth.py
	$(BIN)/python tests/torture/patterns.py

clean: ## remove the environments and caches
	rm -rf $(VENV) .venv-everything .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
