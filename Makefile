# `make help` lists what there is.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SOURCES := app console registry repository mpi arr affinity atna access soap ebrim hl7v2 hl7v3 fhir_r4 content kernel tests bench scripts

# a service that is started again would otherwise compile every module again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev demo serve test check format lint types layers bench lock docs clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.run ## the environment, with the locked dependencies
setup-dev: .venv/.dev ## the same with what the tests need

demo: setup ## the whole service with a synthetic population, on this machine alone (ONCE=1: play it and exit)
	@$(BIN)/hie demo $(if $(ONCE),--once)

serve: setup ## the service on the embedded default
	@$(BIN)/hie serve

test: setup-dev ## all tests; what a missing server program stops is skipped with the reason
	@$(BIN)/python -m pytest $(ARGS)

check: setup-dev format lint types layers test ## what continuous integration runs

format: setup-dev
	@$(BIN)/ruff format --check $(SOURCES)

lint: setup-dev
	@$(BIN)/ruff check $(SOURCES)

types: setup-dev
	@$(BIN)/mypy

layers: setup-dev
	@$(BIN)/lint-imports

bench: setup-dev ## the benchmarks; prints ratios and figures, docs/benchmarks.md records them
	@$(BIN)/python -m bench $(ARGS)

docs: setup-dev ## the generated documents
	@$(BIN)/python -m scripts.documents

lock: ## the locked dependencies anew, with hashes and without any address
	@$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	@.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header pyproject.toml -o requirements.lock
	@.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## without the environment and what the tools left
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
