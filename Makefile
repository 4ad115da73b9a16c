# Every target sets up what it needs: a virtual environment with the pinned dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
WORKERS ?= 2
.DEFAULT_GOAL := help
.PHONY: help demo tools tools-scale test test-fast test-scale mutate check docs bench artifacts format requirements clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1|/' | column -t -s '|'

$(READY): requirements/dev.txt pyproject.toml
	@echo "== setting up $(VENV) with the pinned dependencies (about a minute, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "otel-recmon needs Python 3.11 or newer: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## Watch real traffic being measured (two minutes)
	@$(BIN)/otel-recmon demo $(ARGS)

tools: ## Build the Collector, Prometheus and Alertmanager (ten minutes, once; needs Go)
	@$(PYTHON) tools/build.py --target $@

tools-scale: ## Build Thanos and VictoriaMetrics too (five minutes, once; needs Go)
	@$(PYTHON) tools/build.py --target $@

test: $(READY) tools ## Run every test but those of test-scale
	@echo "== all tests, on $(WORKERS) processes: $$(PYTEST_XDIST_WORKER_COUNT=$(WORKERS) $(BIN)/python -m tests.speed)"
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope --ignore=tests/scale $(ARGS)

test-fast: $(READY) ## Run the tests that start no process (under a minute)
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit $(ARGS)

test-scale: $(READY) tools tools-scale ## Test what is beyond one Prometheus: Thanos and VictoriaMetrics
	@$(BIN)/python -m pytest -q tests/scale $(ARGS)

mutate: $(READY) tools ## Break the code in many small ways, and see that tests notice each (minutes)
	@$(BIN)/python tools/mutate.py

docs: $(READY) ## Build the documentation as a site in docs/site
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/site && echo "== docs/site/index.html"

check: $(READY) ## Format, lint, types, import directions, generated files
	@echo "== format";          $(BIN)/ruff format --check --quiet .
	@echo "== lint";            $(BIN)/ruff check --quiet .
	@echo "== types";           $(BIN)/mypy
	@echo "== imports";         $(BIN)/lint-imports --no-cache
	@echo "== generated files"; $(BIN)/python -m otel_recmon.artifacts --check
	@echo "== import map";      $(BIN)/python tools/import_map.py --check
	@echo "== the picture of top"; $(BIN)/python tools/screenshot.py --check
	@echo "== what is recognized"; $(BIN)/python tools/recognition.py --check

format: $(READY) ## Repair format and what lint can repair
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

bench: $(READY) tools ## Measure what recording costs, and how fast the dashboards are
	@$(BIN)/python -m benchmarks.slate_cost
	@$(BIN)/python -m benchmarks.recommendation_id
	@$(BIN)/python -m benchmarks.http_overhead
	@$(BIN)/python -m benchmarks.dashboards

artifacts: $(READY) ## Write the generated files
	@$(BIN)/python -m otel_recmon.artifacts
	@$(BIN)/python tools/import_map.py
	@$(BIN)/python tools/screenshot.py
	@$(BIN)/python tools/recognition.py

requirements: ## Pin the newest versions of all dependencies (needs uv)
	@uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra demo --group build --constraints requirements/dev.txt pyproject.toml -o requirements/image.txt

clean: ## Remove what was set up
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
