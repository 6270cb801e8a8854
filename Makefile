# The commands of the house. Each makes .venv first where it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READY_DEV := .venv/ready-dev
READY_BENCH := .venv/ready-bench

.PHONY: demo test test-slow lint types layers docs bench check clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(READY_DEV): $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[tune,network,media,text,transformers,test,lint,docs,bench]"
	touch $@

$(READY_BENCH): $(READY_DEV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[peers]"
	touch $@

demo: $(READY)
	$(BIN)/python tools/demo.py $(if $(DATA),--data "$(DATA)")

# One process for each core, so no threads within: two of them on one core wait for each other.
test: $(READY_DEV)
	MERX_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --dist worksteal

test-slow: $(READY_DEV)
	$(BIN)/pytest -m slow

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY_DEV)
	$(BIN)/mypy

layers: $(READY_DEV)
	$(BIN)/lint-imports

docs: $(READY_DEV)
	$(BIN)/python tools/reference.py
	$(BIN)/mkdocs build --strict

bench: $(READY_BENCH)
	$(BIN)/python benchmarks/run.py $(NAME)

check: lint types layers test docs

clean:
	rm -rf .venv site build dist
