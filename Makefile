# Encore's two commands: `make demo` and `make test`. The rest is for those who work on it.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check
# files of tests are shared by up to four processes; each goes on with the next file
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
COMPILE := uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit check suite hooks lock bench bench-explain bench-recalibration bench-reasons bench-features bench-yardsticks bench-ingest bench-api bench-mixed bench-clicks bench-console bench-decide bench-effects notebooks screenshots openapi clean

help: ## Say what can be made.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

demo: .venv/.installed ## Data, features, models, API, from nothing; ends with addresses that answer.
	$(BIN)/encore demo

test: check suite ## Every check and test.

check: .venv/.installed-dev ## Style, types, architecture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

suite: .venv/.installed-dev ## The tests alone, with coverage of branches.
	$(PYTEST) --cov

test-unit: .venv/.installed-dev ## The tests that need the code alone.
	$(PYTEST) -m unit

hooks: .venv/.installed-dev ## Run the checks at every commit.
	$(BIN)/pre-commit install --hook-type pre-commit --hook-type commit-msg

bench: .venv/.installed-dev ## Measure the demo: time, memory, time to answer.
	$(BIN)/python -m benchmarks.demo

bench-explain: .venv/.installed-dev ## Measure explaining in bulk, on what the demo left.
	$(BIN)/python -m benchmarks.explain

bench-recalibration: .venv/.installed-dev ## Measure calibration before and after recalibration, on what the demo left.
	$(BIN)/python -m benchmarks.recalibration

bench-reasons: .venv/.installed-dev ## Measure the reasons of three generated businesses, and of what the demo left.
	$(BIN)/python -m benchmarks.reasons

bench-features: .venv/.installed-dev ## Measure the build of features as the data grow (BEFORE=revision compares).
	$(BIN)/python -m benchmarks.features --growth $(if $(BEFORE),--before $(BEFORE))

bench-yardsticks: .venv/.installed-dev ## The same features by pandas and by featuretools, which gets an environment of its own.
	test -x .venv/featuretools/bin/python || $(BIN)/python -m venv .venv/featuretools
	.venv/featuretools/bin/pip install -q "featuretools==1.31.0" "pyarrow==25.0.1"
	$(BIN)/python -m benchmarks.yardsticks

bench-ingest: .venv/.installed-dev ## Measure ingestion beside DuckDB's own COPY.
	$(BIN)/python -m benchmarks.ingest

bench-effects: .venv/.installed-dev ## Measure decisions on shops with known effects.
	$(BIN)/python -m benchmarks.effects

bench-api: .venv/.installed-dev ## Measure the API beside an echo, MLflow's and Feast's servers, on what the demo left.
	$(BIN)/python -m benchmarks.api

bench-mixed: .venv/.installed-dev ## Two minutes of mixed requests: errors, memory.
	$(BIN)/python -m benchmarks.mixed

bench-clicks: .venv/.installed-dev ## Measure scoring while ten people click through the console.
	$(BIN)/python -m benchmarks.clicks

bench-console: .venv/.installed-dev ## Measure pages of the console, on what the demo left and with 100,000 customers.
	$(BIN)/python -m benchmarks.console

bench-decide: .venv/.installed-dev ## Measure a decision about a million customers: time and memory.
	$(BIN)/python -m benchmarks.decide

notebooks: .venv/.installed-dev ## Run the notebooks on what the demo left, and keep what they show.
	$(BIN)/python -m notebooks.render

screenshots: .venv/.installed-dev ## Take the pictures of the console in docs/pictures, on what the demo left.
	$(BIN)/python -m notebooks.screenshots

openapi: .venv/.installed-dev ## Write docs/openapi.json, which a test compares with the API.
	$(BIN)/python -c "from serving.api.app import openapi_text; print(openapi_text())" > docs/openapi.json

lock: ## Resolve the dependencies; versions stay unless something needs another (needs uv).
	$(COMPILE) pyproject.toml --extra servers --extra oidc -o requirements.lock
	$(COMPILE) pyproject.toml --extra servers --extra oidc --extra demo -c requirements.lock -o requirements-demo.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements-demo.lock -o requirements-dev.lock
	$(COMPILE) --group client -o requirements-client.lock

clean: ## Remove what the demo made; the environment stays.
	rm -rf data/* mlruns/*

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Expected Python 3.11 or newer, found %d.%d. Say which: make PYTHON=python3.11 …" % v[:2])'
	$(PYTHON) -m venv .venv

.venv/.installed: requirements-demo.lock pyproject.toml | .venv/bin/python
	$(PIP) install -q --no-deps --require-hashes -r requirements-demo.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock requirements-client.lock pyproject.toml | .venv/bin/python
	$(PIP) install -q --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m venv .venv/client
	.venv/client/bin/pip --disable-pip-version-check install -q --no-deps --require-hashes -r requirements-client.lock
	@touch $@
