# Every target builds what it needs: on a fresh machine `make figures` and `make test` do everything.
.DEFAULT_GOAL := help
.PHONY: help venv figures test test-all lint types contracts bench bench-peers bench-orders docs clean

# The newest installed Python that the pinned versions were tested on; override with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## create .venv with the pinned versions
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11, 3.12 or 3.13; none was found (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

figures: $(STAMP)  ## draw the gallery into figures/out (QUICK=1: smaller ensembles)
	$(BIN)/python -m figures $(if $(QUICK),--quick)

test: lint contracts $(STAMP)  ## lint, import contracts and the tests
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint contracts $(STAMP)  ## the same with the slow tests
	$(BIN)/python -m pytest -n 2

lint: $(STAMP)  ## ruff
	$(BIN)/ruff check .

contracts: $(STAMP)  ## the import direction of the design
	$(BIN)/lint-imports --no-cache --no-logo

types: $(STAMP)  ## mypy
	$(BIN)/mypy

PEERS := .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check \
	--constraint benchmarks/peers-constraints.txt

bench: $(STAMP)  ## our engine against other ways to write the same loop, in one run
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

bench-peers: $(STAMP) .venv-peers/.installed  ## the same with jax, torch, torchsde, diffrax, jitcsde in .venv-peers
	$(BIN)/python -m benchmarks --peers $(if $(QUICK),--quick)

bench-orders: $(STAMP)  ## measured strong and weak orders of every scheme, as a table and a picture
	$(BIN)/python -m benchmarks.orders $(if $(QUICK),--quick)

.venv-peers/.installed: benchmarks/peers-constraints.txt
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11, 3.12 or 3.13; none was found (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv .venv-peers
	@echo '*' > .venv-peers/.gitignore
	$(PEERS) torch jax diffrax torchsde
	-$(PEERS) jitcsde
	@touch $@

docs: $(STAMP)  ## docs/ as HTML
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -q docs docs/_build

clean:  ## remove .venv, caches and drawn figures
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis figures/out docs/_build
	find . -name __pycache__ -prune -exec rm -rf {} +
