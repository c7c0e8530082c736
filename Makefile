# `make run` starts AgentHub, `make test` tests it, `make` alone lists the rest.
# Needs Python 3.11 or newer and nothing else; everything goes into .venv.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=

# Programs are run as modules, so that a folder with a space in its name works.
RUN := .venv/bin/python
PIP := $(RUN) -m pip --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-full torture check format bench pictures clean

help:
	@echo 'make run         start AgentHub (options: make run ARGS="--port 8001")'
	@echo 'make test        run the tests (one file: make test ARGS=tests/test_rooms.py)'
	@echo 'make test-full   run the long tests too'
	@echo 'make torture     kill hub after hub under load, and count what is lost'
	@echo 'make check       linter, formatter, types, floors, migrations'
	@echo 'make format      format the code and sort its imports'
	@echo 'make bench       measure beside other supervisors (options: make bench ARGS=--help)'
	@echo 'make pictures    take the pictures of the README anew'
	@echo 'make clean       remove .venv and caches; what a hub keeps in var/ stays'
	@echo ''
	@echo 'PYTHON=python3.12 chooses a Python for .venv, WORKERS=4 the test workers.'

# exec: signals reach the hub itself. First start and migrations are its own work.
run: .venv/.installed
	@exec $(RUN) manage.py hub $(ARGS)

# A file's tests stay on one worker, so that they can share a hub or a browser.
test: .venv/.installed-dev
	@$(RUN) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-full: .venv/.installed-dev
	@$(RUN) -m pytest -n $(WORKERS) --dist loadfile -m "full or not full" $(ARGS)

# About ten minutes. Fewer: ARGS="--cycles 20"; the same again: ARGS="--seed ...".
torture: .venv/.installed-dev
	@$(RUN) -m tests.torture $(ARGS)

# Checks load the settings, and must neither need nor make a hub's own var/.
check: export AGENTHUB_DATA_DIR := $(CURDIR)/.venv/check
check: .venv/.installed-dev
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-logo
	$(RUN) manage.py check
	$(RUN) manage.py makemigrations --check --dry-run

format: .venv/.installed-dev
	$(RUN) -m ruff check --fix --select I
	$(RUN) -m ruff format

# The other supervisors have an environment of their own, on the same Python.
bench: .venv/.installed .venv/bench-peers/.installed
	@exec $(RUN) -m bench $(ARGS)

# The README's pictures, from the tests' own browser.
pictures: .venv/.installed-dev
	WRITE_PICTURES=1 $(RUN) -m pytest tests/browser/test_screenshot.py

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache test-results
	find agenthub agents bench tests -name __pycache__ -prune -exec rm -rf {} +

# No interpreter in .venv: never made, or the Python it was made with is gone.
ifeq ($(realpath $(RUN)),)
.PHONY: .venv/.installed
endif

# Agents start sooner behind a shim in C; without a compiler a shell script does the same.
SHIM := agents/supervisor/process/shim.c
COMPILE := $(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector

.venv/.installed: requirements.txt $(SHIM)
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo 'AgentHub needs Python 3.11 or newer, and "$(PYTHON)" was not found.'; \
	  echo 'Debian, Ubuntu: apt-get install python3 python3-venv   macOS: brew install python'; \
	  echo 'Under another name: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "AgentHub needs Python 3.11 or newer; \"$(PYTHON)\" is $$("$(PYTHON)" --version 2>&1)."; \
	  echo 'Install a newer one, and name it: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; } >&2
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" cannot make virtual environments: its venv part is missing.'; \
	  echo 'Debian, Ubuntu: apt-get install python3-venv'; exit 1; } >&2
	@$(RUN) -m pip --version >/dev/null 2>&1 || { \
	  echo 'Making a virtual environment in .venv'; "$(PYTHON)" -m venv --clear .venv; }
	@echo 'Installing what AgentHub needs (the first time takes a minute or two)'
	@$(PIP) install -r requirements.txt || { \
	  echo 'Could not install requirements.txt: the reason is above. Then: make $(MAKECMDGOALS)' >&2; exit 1; }
	@rm -f .venv/bin/agenthub-shim
	@$(COMPILE) -o .venv/bin/agenthub-shim $(SHIM) 2>/dev/null \
	  || echo 'No C compiler for Linux here: agents start behind a shell script, somewhat later'
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	@echo 'Installing what tests and checks need'
	@$(PIP) install -r requirements-dev.txt || { \
	  echo 'Could not install requirements-dev.txt: the reason is above. Then: make $(MAKECMDGOALS)' >&2; exit 1; }
	@touch $@

PM2 := pm2@7.0.4

# PM2 only where npm is, and without it as well: the run says who was left out.
.venv/bench-peers/.installed: bench/requirements.txt .venv/.installed
	@echo 'Installing the supervisors to measure beside AgentHub'
	@$(RUN) -m venv --clear .venv/bench-peers
	@.venv/bench-peers/bin/python -m pip --quiet --disable-pip-version-check --no-input \
	  install -r bench/requirements.txt || { \
	  echo 'Could not install bench/requirements.txt: the reason is above.' \
	  'Without it: $(RUN) -m bench' >&2; exit 1; }
	@! command -v npm >/dev/null || npm install --silent --no-audit --no-fund \
	  --prefix .venv/bench-pm2 $(PM2) || echo 'Could not install $(PM2).' >&2
	@touch $@
