# From a bare clone, with Python >= 3.11 and cargo on the PATH and nothing else installed:
#   make demo     the whole chain on the embedded sample
#   make test     every test
# Both make the environment first; a second run finds it made.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

NATIVE_SOURCES := $(wildcard native/src/*.rs native/src/*/*.rs) native/Cargo.toml native/Cargo.lock

# Real data sets are used where they are: LOGPIPE_MIRROR names a folder laid out as datasets.yaml says.
export PATH := $(abspath $(BIN)):$(PATH)
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.PHONY: demo test check bench native clean

demo: $(VENV)/.installed
	$(BIN)/logpipe demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest tests

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed

native: $(VENV)/.installed

$(VENV)/.tools: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "logpipe needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@command -v cargo >/dev/null || { echo "cargo is not on the PATH: install Rust (https://rustup.rs) and run make again" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt maturin cffi
	@touch $@

$(VENV)/.installed: $(VENV)/.tools pyproject.toml $(NATIVE_SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[all,dev]'
	@touch $@

clean:
	rm -rf $(VENV) native/target logpipe/_native build dist .mypy_cache .ruff_cache .pytest_cache
