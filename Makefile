# `make help` lists the targets. PYTHON names the Python that the virtual environment is made of,
# SECONDS and SEED say for how long and from which number `make chaos` rages; `make load` also takes
# TRAINERS, BROWSERS and REQUESTS, a second.
PYTHON ?= python3
SECONDS ?= 600
SEED ?= 1
TRAINERS ?= 200
BROWSERS ?= 500
REQUESTS ?= 100
SETUP = $(PYTHON) tools/setup.py

.DEFAULT_GOAL := help
.PHONY: help run test chaos load curves lint format types image bench vllm trackers lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

run: ## Set up, start everything, print the address
	@$(SETUP) run
	@exec .venv/bin/python manage.py up

test: ## Set up, run every check there is
	@$(SETUP) test
	@exec .venv/bin/python tools/check.py

chaos: ## Break a random part every few seconds under real runs (SECONDS=600 SEED=1), then check
	@$(SETUP) test
	@CHAOS_SECONDS=$(SECONDS) CHAOS_SEED=$(SEED) .venv/bin/python -m pytest -s tests/r1web/cluster/test_chaos.py

load: SECONDS = 300
load: ## Put TRAINERS, BROWSERS and REQUESTS on a server of its own for SECONDS=300, and measure
	@$(SETUP) test
	@exec .venv/bin/python -m benchmarks.load --seconds $(SECONDS) --trainers $(TRAINERS) \
		--browsers $(BROWSERS) --requests $(REQUESTS)

curves: ## Measure how points are appended, kept and read, beside other trackers
	@$(SETUP) test
	@$(SETUP) trackers
	@exec .venv/bin/python -m benchmarks.curves

lint: ## The quick checks: ruff, mypy, import contracts
	@$(SETUP) test
	@exec .venv/bin/python tools/check.py lint

format: ## Tidy the Python and TypeScript sources
	@$(SETUP) test
	@.venv/bin/python -m ruff check --fix --quiet . ; .venv/bin/python -m ruff format .
	@.venv/bin/python tools/browser_app.py format

types: ## Write the browser app's types anew from the server's schemas
	@$(SETUP) test
	@exec .venv/bin/python tools/make_types.py

image: ## Do what Dockerfile and docker-compose.yml say, without Docker
	@$(SETUP) test
	@exec .venv/bin/python tools/try_image.py

bench: ## Make .venv-bench, with what the scripts of benchmarks/ compare with
	@$(SETUP) bench

vllm: ## Make .venv-vllm, in which vLLM samples and opens saved models (several GB)
	@$(SETUP) vllm

trackers: ## Make .venv-trackers, with the trackers that `make curves` compares with
	@$(SETUP) trackers

lock: ## Write requirements/*.txt from the .in files and what is installed
	@.venv/bin/python tools/lock.py app train dev
	@if [ -x .venv-bench/bin/python ]; then PYTHONPATH=tools .venv-bench/bin/python tools/lock.py bench; fi
	@if [ -x .venv-vllm/bin/python ]; then PYTHONPATH=tools .venv-vllm/bin/python tools/lock.py vllm; fi
	@if [ -x .venv-trackers/bin/python ]; then PYTHONPATH=tools .venv-trackers/bin/python tools/lock.py trackers; fi

clean: ## Remove what was installed and built; var/, with its runs, stays
	rm -rf .venv .venv-bench .venv-vllm .venv-trackers .cache r1web/static/app frontend/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
