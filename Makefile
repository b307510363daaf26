# The verbs of the project. Everything runs from .venv, which is made from the locks on first use.
# Arguments go through ARGS:   make test ARGS="tests/pure -k fold"

PYTHON ?= python3
ARGS   ?=

VENV := .venv
BIN  := $(VENV)/bin
READY := $(VENV)/.ready

# An outer PYTHONPATH may hold another `agents` or `tables`.
unexport PYTHONPATH
unexport VIRTUAL_ENV

# uv reads neither pip's configuration nor PIP_CERT.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON := $(BIN)/python
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench faults faults-selftest venv format lock clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## a real Kafka, a worker, trading agents: recorded market bars, decided
	$(BIN)/orchestrator demo $(ARGS)

test: $(READY) ## all tests
	$(BIN)/pytest $(ARGS)

check: $(READY) ## lint, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## throughput against peers, full size
	$(BIN)/python -m benchmarks.throughput $(ARGS)

faults: $(READY) ## kills, pauses and outages, full size; before them 5,000 simulated histories
	SIMULATION_SEEDS=$${SIMULATION_SEEDS:-5000} $(BIN)/pytest -q tests/simulation
	$(BIN)/python -m tests.faults $(ARGS)

faults-selftest: $(READY) ## planted bugs, each of which the fault suite must find
	$(BIN)/python -m tests.faults.selftest $(ARGS)

# --- behind the verbs -------------------------------------------------------------------------------------------

venv: $(READY)

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Where pip is told of an index, a proxy or a host of its own, pip installs: the same hashes, several times slower.
$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@if $(BIN)/pip config list | grep -qE '(index|index-url|proxy|trusted-host)='; then \
		set -ex; \
		$(BIN)/pip install --quiet --require-hashes --no-deps --no-compile -r requirements/dev.txt; \
		$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .; \
	else \
		set -ex; \
		$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/uv.txt; \
		$(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt; \
		$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

# Keeps the pins that still fit; UPGRADE=1 takes the newest. The smaller locks are cut from the large one.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && \
		$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/uv.txt; }
	echo 'uv>=0.13,<0.14' | $(LOCK) - --output-file requirements/uv.txt
	$(LOCK) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra demo --constraint requirements/dev.txt --output-file requirements/demo.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
