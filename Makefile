# From a bare clone, with Python >= 3.11 and cargo on the PATH and nothing else installed:
#   make demo     the whole chain on the embedded sample
#   make test     every test
# Both make the environment first; a second run finds it made.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
NATIVE := --manifest-path native/Cargo.toml

NATIVE_SOURCES := $(wildcard native/src/*.rs native/src/*/*.rs) native/Cargo.toml native/Cargo.lock

# Real data sets are used where they are: LOGPIPE_MIRROR names a folder laid out as datasets.yaml says.
export PATH := $(abspath $(BIN)):$(PATH)
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check bench golden fuzz native clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## the whole chain on the embedded sample, then the same as a Prefect flow
	$(BIN)/logpipe demo
	@echo
	$(BIN)/logpipe flow parse-all -p datasets=sample

test: $(VENV)/.installed ## every test, of the native core and of the package
	cargo test --quiet $(NATIVE)
	$(BIN)/python -m pytest tests -n auto --dist loadfile

check: $(VENV)/.installed ## lint, format and types; nothing is changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if cargo fmt --version >/dev/null 2>&1; then set -x; cargo fmt $(NATIVE) --check; \
	else echo "skipped: cargo fmt is not installed (rustup component add rustfmt)"; fi
	@if cargo clippy --version >/dev/null 2>&1; then \
	set -x; cargo clippy --quiet $(NATIVE) --all-targets -- -D warnings; \
	else echo "skipped: cargo clippy is not installed (rustup component add clippy)"; fi

golden: $(VENV)/.installed ## golden archives that are missing, and tests/sizes.csv; set LOGPIPE_MIRROR
	$(BIN)/python tests/golden/make.py
	LOGPIPE_SIZES=write $(BIN)/python -m pytest -q -k sizes tests/unit/archive/test_archive_golden.py

fuzz: $(VENV)/.installed ## 10,000 flips, 1,000 cuts, 10,000 forged streams at every level; minutes
	LOGPIPE_FUZZ=10000 $(BIN)/python -m pytest -q --timeout 0 tests/unit/archive/test_archive_fuzz.py

bench: $(VENV)/.installed ## speed and compression; long, and some GB in benchmarks/.work
	$(BIN)/python -m benchmarks.speed
	@if [ -n "$$LOGPIPE_MIRROR" ]; then set -x; $(BIN)/python -m benchmarks.compression; \
	else echo "skipped: compression, because LOGPIPE_MIRROR names no folder of real logs"; fi

native: $(VENV)/.installed ## the native core anew, if its sources changed

clean: ## remove everything that make made
	rm -rf $(VENV) native/target logpipe/_native build dist benchmarks/.work
	rm -rf .hypothesis .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.tools: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "logpipe needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 ...")'
	@command -v cargo >/dev/null || { echo "cargo is not on the PATH: install Rust (https://rustup.rs) and run make again" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt maturin cffi
	@touch $@

$(VENV)/.installed: $(VENV)/.tools pyproject.toml $(NATIVE_SOURCES)
	$(PIP) install --no-build-isolation -c constraints.txt -e '.[all,dev]'
	@touch $@
