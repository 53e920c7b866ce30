# What can be done here; `make` alone lists it. A fresh machine needs python3 (3.11 to 3.13), pip and make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# `make PYTHON=python3.12 …` chooses the interpreter; else the first that fits. A name may be there and not work (pyenv).
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$name && break; done)
endif

# The environment belongs to one interpreter in one place: a checkout that was moved makes it anew.
PLACE := $(shell $(or $(PYTHON),false) -c 'import os, sys, zlib; \
	print("%d.%d.%d-%08x" % (*sys.version_info[:3], zlib.crc32(os.getcwd().encode())))' 2>/dev/null)

# Caches go to the home folder as usual, or stay here where that cannot be written.
CACHE := $(shell folder="$${XDG_CACHE_HOME:-$$HOME/.cache}"; mkdir -p "$$folder" 2>/dev/null && [ -w "$$folder" ] || echo here)
ifeq ($(CACHE),here)
export UV_CACHE_DIR ?= $(CURDIR)/.tools/cache/uv
export PIP_CACHE_DIR ?= $(CURDIR)/.tools/cache/pip
endif

# No interpreter is fetched, and what a caller's shell has activated or put on the path does not matter.
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME CONDA_PREFIX

TOOLS := .tools/build
UV := $(TOOLS)/bin/uv
VENV := .venv
RUN := $(VENV)/bin/python
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# uv does not read pip's settings: a mirror named there is handed on. The hashes hold wherever the files come from.
MIRROR = mirror="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get global.index-url 2>/dev/null)}}"; \
	if [ -n "$$mirror" ]; then export UV_DEFAULT_INDEX="$$mirror"; fi;

# What a cipher suite protects: accounts, cards, papers, look-ups, audit, erasure, codes, staff. tests/core and
# tests/rekeying have both suites in themselves; `make check ARGS="--suite sm"` runs everything so.
SM_TESTS := tests/accounts/test_at_rest.py tests/accounts/test_registering.py tests/accounts/test_signing_in.py \
	tests/audit tests/cards/test_passwords.py tests/documents/test_sealed.py tests/enrolments/test_lookups.py \
	tests/enrolments/test_own_card.py tests/operators/test_signing.py tests/privacy/test_closing.py \
	tests/privacy/test_my_data.py tests/showings/test_redeeming.py tests/statements

.PHONY: help run test test-sm test-faces test-ocr coverage check format walkthrough bench lock docker-check clean
help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.ready ## start everything on 127.0.0.1:8000 with demo people; Ctrl-C ends it (ARGS="…" are passed on)
	@$(RUN) -m app run $(ARGS)

test: check ## the same as check: what continuous integration runs

check: $(VENV)/.ready ## format, lint, types, import contracts, all tests on a real PostgreSQL
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m pytest -n auto $(ARGS)

test-sm: $(VENV)/.ready ## the tests of what the cipher suite protects, under the suite sm
	@$(RUN) -m pytest -n auto --suite sm $(SM_TESTS) $(ARGS)

test-faces: .tools/faces/.ready ## the tests of the extra `faces`, which judges faces here (installs 200 MB beside the environment)
	@PYTHONPATH=.tools/faces $(RUN) -m pytest -n auto --dist worksteal tests/adapters/face/bundled $(ARGS)

test-ocr: .tools/ocr/.ready ## the tests of the extra `ocr`, which reads documents (installs 400 MB beside the environment)
	@PYTHONPATH=.tools/ocr $(RUN) -m pytest tests/readings/test_rapidocr.py $(ARGS)

# Python 3.11 never comes back from a traced call that frees a greenlet while two threads end.
coverage: $(VENV)/.ready ## all tests, and what of services, models, ports and tests none enters; fails below what is held
	@$(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
		{ echo 'Tracing takes Python 3.12 or newer: make PYTHON=/path/to/python3.12 coverage' >&2; exit 1; }
	@rm -f .coverage .coverage.*
	@$(RUN) -m coverage run -m pytest -n auto $(ARGS)
	@$(RUN) -m coverage combine --quiet
	@$(RUN) -m coverage report

format: $(VENV)/.ready ## put the code in shape
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

walkthrough: $(VENV)/.ready ## play the whole flow against the running server, or one of its own, as a story (ARGS=--in-full cuts nothing)
	@$(RUN) -m app walkthrough $(ARGS)

bench: $(VENV)/.ready ## measure the hot reads beside their floor and the usual way; after test-faces, beside faces too
	@PYTHONPATH=$(wildcard .tools/faces) $(RUN) -m benchmarks $(ARGS)

lock: $(UV) ## write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(LOCK) --group build --output-file requirements-build.lock $(ARGS)
	@$(LOCK) pyproject.toml --group dev --output-file requirements-dev.lock $(ARGS)
	@$(LOCK) pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock $(ARGS)
	@$(LOCK) --group ocr --constraint requirements-dev.lock --output-file requirements-ocr.lock $(ARGS)
	@$(LOCK) --group faces --constraint requirements-dev.lock --output-file requirements-faces.lock $(ARGS)
	@$(LOCK) --group pictures --no-deps --output-file requirements-pictures.lock $(ARGS)

docker-check: ## build the container image without a container engine, where buildah is installed
	@.ci/docker-check

clean: ## remove the environment and all caches; your data in var/ stays
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv and the build back end are the only things that pip installs; the rest is uv's work, and all of it by hash.
$(UV): requirements-build.lock
	@if [ -z "$(PLACE)" ]; then echo 'Python 3.11 to 3.13 is needed: make PYTHON=/path/to/python3.12 …' >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo '$(PYTHON) is not Python 3.11 to 3.13: make PYTHON=/path/to/python3.12 …' >&2; exit 1; }
	@echo 'Installing the build tools into .tools …'
	@rm -rf $(TOOLS)
	@PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 $(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes --target $(TOOLS) -r $<
	@touch $@

$(VENV)/.made-$(PLACE): $(UV)
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version) …"
	@$(UV) venv --quiet --clear --no-managed-python --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	@touch $@

# Of the packages with pictures nothing is installed. Both are built, or asked what they are, by what is locked here.
.tools/faces/.ready: $(VENV)/.ready requirements-faces.lock requirements-pictures.lock
	@echo 'Installing the packages of the extra faces …'
	@rm -rf .tools/faces
	@$(MIRROR) PYTHONPATH="$(CURDIR)/$(TOOLS)" $(UV) pip install --quiet --python $(RUN) --no-build-isolation --require-hashes --target .tools/faces -r requirements-faces.lock
	@PIP_REQUIRE_VIRTUALENV=0 PYTHONPATH="$(CURDIR)/$(TOOLS)" $(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary face-recognition --require-hashes --dest .tools/faces/pictures -r requirements-pictures.lock
	@PYTHONPATH=.tools/faces $(RUN) -c 'import dlib, numpy' # where these cannot be loaded, tests would be skipped
	@touch $@

.tools/ocr/.ready: $(VENV)/.ready requirements-ocr.lock
	@echo 'Installing the packages of the extra ocr …'
	@rm -rf .tools/ocr
	@$(MIRROR) $(UV) pip install --quiet --python $(RUN) --require-hashes --target .tools/ocr -r requirements-ocr.lock
	@touch $@

$(VENV)/.ready: $(VENV)/.made-$(PLACE) requirements-dev.lock pyproject.toml
	@echo 'Installing the locked packages …'
	@$(MIRROR) $(UV) pip sync --python $(RUN) --require-hashes requirements-dev.lock
	@PYTHONPATH=$(TOOLS) $(UV) pip install --quiet --python $(RUN) --no-deps --no-build-isolation --editable .
	@PYTHONDONTWRITEBYTECODE= $(RUN) -c 'import app.cli.run, app.cli.serve, app.cli.worker, alembic.command'
	@touch $@
