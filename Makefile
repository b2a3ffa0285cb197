# One command each: `make demo` shows the main job, `make test` runs every check. Both set themselves up.

# Another interpreter: make PYTHON=python3.13 setup
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# PEERS=required turns a test skipped for a missing outside program into a failure.
PEERS ?= optional
# A folder of captures for `make captures`.
DIR ?= captures

.PHONY: setup demo test format lint types imports tests peers bench latency captures chargers fleet lock wheelhouse clean

# Everything that the tests and benchmarks need, as locked, in an environment of its own; nothing else is touched.
setup: $(READY)

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "evrds needs Python 3.11 or later, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Keys, signal, receiver and a real charge point; what it shows stays in demo/.
demo: $(READY)
	$(BIN)/python examples/demo/demo.py demo

test: format lint types imports tests

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

# By the rules of the Python at hand, then by those of the newest.
types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.14

imports: $(READY)
	$(BIN)/lint-imports

tests: $(READY)
	EVRDS_PEERS=$(PEERS) $(BIN)/pytest -n auto

# Programs from outside that tests with the marker `peer` talk to.
peers:
	@tests/peers.sh

# Sensitivity, robustness and speed in one table and one picture; FULL=--full for more of it, ONLY=speed for a part.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks.run $(FULL) $(if $(ONLY),--only $(ONLY),--plot docs/performance.png)

# How long an order takes from the head-end to the charger; FULL=--full for five times as many trials.
latency: $(READY)
	$(BIN)/python -m tests.benchmarks.latency $(FULL) --plot docs/latency.png

# What fleets do, beside the design's figures; a minute.
fleet: $(READY)
	$(BIN)/python -m tests.benchmarks.fleet --plot docs/fleet.png

# 200 charge points on one receiver: a change of limit, memory, load at rest (docs/chargers/ocpp16.md); two minutes.
chargers: $(READY)
	$(BIN)/python -m tests.benchmarks.charge_points

# Decodes every capture in DIR and compares with what is known of it (captures/README.md).
captures: $(READY)
	$(BIN)/python tests/captures/expectations.py $(DIR)

# What an installation gets: the stick, every charger's driver, the page and pictures; not what only a desk needs.
EXTRAS := $(addprefix --extra ,gpio http modbus mqtt ocpp plots rtlsdr serial web)

# After a change of the dependencies in pyproject.toml.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header $(EXTRAS) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --all-extras --group dev pyproject.toml -o requirements-dev.lock

# Installation without internet: dist/wheelhouse-x86_64 and -aarch64, Python 3.11 to 3.13, each with an install.sh (README).
wheelhouse: $(READY)
	$(BIN)/python examples/offline/wheelhouse.py x86_64
	$(BIN)/python examples/offline/wheelhouse.py aarch64

clean:
	rm -rf $(VENV) demo build dist
