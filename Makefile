# make up: the chat on this machine.  make test: everything a checkout has to pass.

PYTHON ?= python3
LISTEN ?= 127.0.0.1:3000
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := app.py $(shell find chat -name '*.py') $(wildcard web/*)

.DEFAULT_GOAL := help
.PHONY: help up test browser lint bench screenshot clean

help: ## list the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /  make \1\t/' | expand -t 16
	@echo
	@echo "  LISTEN=127.0.0.1:3000           where make up serves"
	@echo "  ARGS=\"--variable k=v ...\"       passed on to the host; see python -m host up --help"

up: app.wasm ## serve the chat, with an embedded Redis and an embedded model
	@$(BIN)/python -m host up --runtime-config-file runtime-config.toml --embedded redis \
		--listen $(LISTEN) $(ARGS)

test: app.wasm browser ## run all tests
	@$(BIN)/python -m pytest

# The browser of the page's tests. Where it cannot be installed they are skipped, and say so.
browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
		echo "Installing Chromium with apt-get for the tests of the page (about a minute) ..." >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium; } >/dev/null || true

screenshot: app.wasm browser ## make the picture in README anew
	@SCREENSHOT=tests/browser/page.png $(BIN)/python -m pytest tests/browser -k what_came_back

lint: $(INSTALLED) ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: app.wasm ## measure against what people use instead, and write bench/RESULTS.md
	@$(BIN)/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@$(BIN)/python -m bench

clean: ## remove what was built and installed here; conversations in .spin stay
	rm -rf $(VENV) app.wasm tests/guests/probe/app.wasm .spin/wasmtime

app.wasm: $(SOURCES) $(INSTALLED)
	@echo "Building app.wasm (about 10 s) ..."
	@. $(BIN)/activate && componentize-py -w spin-http componentize app -o app.wasm

$(INSTALLED): requirements.txt requirements-dev.txt requirements-files.txt
	@echo "Installing what is pinned in requirements*.txt into $(VENV) (about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(BIN)/pip install --disable-pip-version-check --no-deps --only-binary :all: \
		--python-version 3.12 --target $$($(BIN)/python -c 'import sysconfig as s; print(s.get_path("purelib"))') \
		-r requirements-files.txt
	@touch $@
