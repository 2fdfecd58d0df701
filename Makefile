# make up: serves the chat on this machine.  make test: runs all tests that a checkout has to pass.
# make check: runs the linters and the tests that take a minute.
# SPIN=spin: make up and make test run on Spin instead of our own host; with BUILD=p3, make test runs
# the build for Preview 3 there.

PYTHON ?= python3
LISTEN ?= 127.0.0.1:3000
ARGS ?=
SPIN ?=
MODEL ?=

VENV := .venv
BIN := $(VENV)/bin
# Files that are there once the packages of make up are installed, and once those of the tests are, too.
HOST := $(VENV)/.host
TESTS := $(VENV)/.tests
# The compiler for Preview 3 is another, in an environment of its own.
VENV_P3 := .venv-p3
P3 := $(VENV_P3)/.p3
# Clients of other people pin other versions of the same packages, so the tests run them elsewhere.
VENV_CLIENTS := .venv-clients
VENV_LLAMA := .venv-llama-index
CLIENTS := $(VENV_CLIENTS)/.clients $(VENV_LLAMA)/.clients
# Each list names all packages that are installed, so that pip need not look for others.
INSTALL := python -m pip install --quiet --disable-pip-version-check --no-deps
PIP := $(BIN)/$(INSTALL)
FILES := --upgrade --only-binary :all: --python-version 3.12 --target \
	$$($(BIN)/python -c 'import sysconfig as s; print(s.get_path("purelib"))')
ON_SPIN := tests/e2e tests/browser tests/api tests/spin tests/test_examples.py \
	$(addprefix tests/host/test_,probe.py probe_p3.py streams.py routes.py refused_manifests.py)
# Each worker starts its own servers, so more than four take more memory than they save time. A file's
# tests share hosts: they stay together, until a worker that is idle takes some of those that are left.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
CHECKED := tests/chat tests/host $(wildcard tests/test_*.py)
# SPIN becomes a whole path, because the tests start it from other folders.
FIND_SPIN = $(if $(SPIN),SPIN=$$(command -v "$(SPIN)") || { \
	echo "SPIN=$(SPIN): there is no such program" >&2; exit 1; }; export SPIN; $$SPIN --version;)
SOURCES_P3 := app_p3.py $(wildcard chat/spin/p3/*.py tests/guests/probe_p3/*.py)
SOURCES := app.py $(shell find chat -name '*.py' -o -name '*.lua') bundle.sh $(wildcard web/*.*)

.DEFAULT_GOAL := help
.PHONY: help up models test check browser luacheck prometheus lint docs bench screenshot clean

help: ## list the commands
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /  make \1\t/' | expand -t 16
	@echo
	@echo "  LISTEN=127.0.0.1:3000           the address at which make up serves"
	@echo "  MODEL=ollama/NAME               the model that answers: also lmstudio/NAME, llamacpp/NAME, openai/NAME,"
	@echo "                                  FILE.gguf, or https://HOST/FILE.gguf"
	@echo "  ARGS=\"--variable k=v ...\"       arguments for the host; see python -m host up --help"
	@echo "  SPIN=spin                       run up, test and bench on this spin, not on our host"

up: app.wasm ## serve the chat, with an embedded Redis and an embedded model
	@$(BIN)/python -m host up --runtime-config-file runtime-config.toml --embedded redis \
		--listen $(LISTEN) $(if $(MODEL),--chat-model '$(MODEL)') $(if $(SPIN),--spin $(SPIN)) $(ARGS)

models: $(HOST) ## write .spin/ai-models, the models for Spin's own engine
	@$(BIN)/python -m models.spin

test: app.wasm $(TESTS) $(P3) $(CLIENTS) browser luacheck prometheus ## run all tests; with SPIN=spin, run those that need a host, on Spin
	@$(FIND_SPIN) $(PYTEST) $(if $(SPIN),$(ON_SPIN))

check: lint $(CLIENTS) ## check style and types, and run the tests that need no host: a minute
	@$(PYTEST) -m "not long" $(CHECKED)

# Installs the browser for the tests of the page. If that fails, these tests are skipped and say so.
browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
		echo "Installing Chromium with apt-get for the tests of the page (about a minute) ..." >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium; } >/dev/null || true

# Installs the linter for the test of the Lua scripts. If that fails, this test is skipped and says so.
luacheck:
	@command -v luacheck >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends lua-check; } >/dev/null || true

# Installs Prometheus for the tests of metrics and alerts. If that fails, these tests are skipped and say so.
prometheus:
	@command -v promtool >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends prometheus; } >/dev/null || true

screenshot: app.wasm $(TESTS) browser ## make the picture in README anew
	@SCREENSHOT=tests/browser/page.png $(BIN)/python -m pytest tests/browser/test_picture.py

lint: $(TESTS) $(P3) ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --python-executable $(VENV_P3)/bin/python --python-version 3.14 $(SOURCES_P3)

docs: $(TESTS) ## write the generated tables in docs/ anew
	@$(BIN)/python -m tests.documents

bench: app.wasm $(TESTS) ## measure the chat against what people use instead, and write bench/RESULTS.md
	@$(PIP) -r bench/requirements.txt
	@$(FIND_SPIN) $(BIN)/python -m bench

clean: ## remove what was built and installed here; conversations in .spin stay
	rm -rf $(VENV) $(VENV_P3) $(VENV_CLIENTS) $(VENV_LLAMA) app.wasm app-p3.wasm tests/guests/probe*/app.wasm .spin/wasmtime

app.wasm: $(SOURCES) build.sh requirements.txt | $(HOST)
	@echo "Building app.wasm (about 10 s) ..."
	@. $(BIN)/activate && sh build.sh spin-http app app.wasm requirements.txt app.py chat web

app-p3.wasm: app_p3.py $(filter-out app.py,$(SOURCES)) build.sh requirements-p3.txt | $(P3)
	@echo "Building app-p3.wasm (about 20 s) ..."
	@. $(VENV_P3)/bin/activate && sh build.sh spin:up/http-trigger@4.0.0 app_p3 app-p3.wasm requirements-p3.txt app_p3.py chat web

$(HOST): requirements.txt requirements-host.txt requirements-files.txt
	@echo "Installing the host into $(VENV) (650 MB, about half a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.txt -r requirements-host.txt
	@$(PIP) $(FILES) -r requirements-files.txt
	@touch $@

$(TESTS): $(HOST) requirements-test.txt
	@echo "Installing the tests and linters into $(VENV) (400 MB, about half a minute) ..."
	@$(PIP) -r requirements-test.txt
	@touch $@

$(P3): requirements-p3.txt
	@echo "Installing the compiler for Preview 3 into $(VENV_P3) (350 MB, some seconds) ..."
	@$(PYTHON) -m venv $(VENV_P3)
	@$(VENV_P3)/bin/$(INSTALL) -r requirements-p3.txt
	@touch $@

$(VENV_CLIENTS)/.clients: requirements-clients.txt
	@echo "Installing other people's clients into $(VENV_CLIENTS) (240 MB, about half a minute) ..."
	@$(PYTHON) -m venv $(VENV_CLIENTS)
	@$(VENV_CLIENTS)/bin/$(INSTALL) -r requirements-clients.txt
	@touch $@

$(VENV_LLAMA)/.clients: requirements-llama-index.txt
	@echo "Installing LlamaIndex into $(VENV_LLAMA) (290 MB, about half a minute) ..."
	@$(PYTHON) -m venv $(VENV_LLAMA)
	@$(VENV_LLAMA)/bin/$(INSTALL) -r requirements-llama-index.txt
	@touch $@
