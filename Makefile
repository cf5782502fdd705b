# The one vocabulary: people, hooks and CI all call these targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# uv may be installed by `make setup` while make runs, so it is looked up by each recipe.
export PATH := $(PATH):$(CURDIR)/.tools/bin
RUN := uv run --locked --no-sync
PYTEST_ARGS ?=
# Tests wait on servers more than they compute; two workers fit two cores.
WORKERS ?= 2
FUZZ_MINUTES ?= 10

.PHONY: help setup deep demo test fuzz check audit format e2e e2e-azure bench chaos soak replicas env up down backup restore

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: ## Install uv and the locked environment (safe to repeat)
	@scripts/setup.sh

deep: ## Install what trains networks and word vectors (TensorFlow, KerasHub, gensim)
	@scripts/setup.sh deep

demo: setup ## Run Vigie here, without Docker: MLflow, API and page, with a first champion
	@exec .venv/bin/python scripts/demo.py run

test: ## Install what the tests need, and run every test that needs no Docker
	@scripts/setup.sh tests
	@$(RUN) pytest -n $(WORKERS) --dist loadgroup --cov --cov-report= $(PYTEST_ARGS)
	@$(RUN) python scripts/coverage_floors.py

# Not part of CI: what it finds is new each time. FUZZ_MINUTES=480 is a night.
fuzz: ## Run the property and contract tests with new inputs for FUZZ_MINUTES (10), or until one fails
	@scripts/setup.sh tests
	@end=$$((SECONDS + 60 * $(FUZZ_MINUTES))); while [ $$SECONDS -lt $$end ]; do \
		$(RUN) pytest -n $(WORKERS) -m hypothesis --hypothesis-profile=fuzz --timeout=3600 $(PYTEST_ARGS); done

check: setup ## Lint, types, formats, Dockerfiles, workflows, queries, generated files
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy packages/model/src services/api/src services/ui/src services/trainer/src services/mlflow/src scripts azure/database/roles.py
	@git ls-files -z '*Dockerfile' | xargs -0 -r $(RUN) hadolint
	@git ls-files -z '*.yaml' '*.yml' | xargs -0 -r $(RUN) yamllint --strict
	@$(RUN) npm ci --prefix azure/lint --ignore-scripts --no-audit --no-fund --silent
	@$(RUN) node azure/lint/workflows.mjs .github/workflows/*.yml
	@$(RUN) node azure/lint/queries.mjs azure/queries/*.kql
	@$(RUN) zizmor --offline --quiet .github
	@uv run --quiet --project azure/lint --locked python azure/lint/bicep.py
	@uv lock --check --quiet
	@$(RUN) vigie-api openapi --check
	@$(RUN) python scripts/settings_page.py --check
	@$(RUN) python scripts/results_page.py --check
	@echo "check: all good"

audit: setup ## Ask PyPI for known holes in what is locked (needs pypi.org's advisories)
	@mkdir -p artifacts
	@uv export --quiet --frozen --all-packages --no-emit-workspace --format requirements-txt > artifacts/requirements.txt
	@uvx --quiet pip-audit==2.10.1 --requirement artifacts/requirements.txt --disable-pip --require-hashes --strict

format: setup ## Format the code and regenerate what is generated
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .
	@$(RUN) vigie-api openapi
	@$(RUN) python scripts/settings_page.py
	@$(RUN) python scripts/results_page.py

e2e: setup ## Build the images, bring the stack up, test it through the gateway, take it down
	@scripts/setup.sh tests
	@$(RUN) python scripts/e2e.py $(PYTEST_ARGS)

e2e-azure: setup ## Run the containers as App Service does (sidecars, any start order), test, take down
	@scripts/setup.sh tests
	@$(RUN) python scripts/e2e_azure.py $(PYTEST_ARGS)

bench: setup ## Measure the speed of serving (needs wrk; see docs/performance.md)
	@$(RUN) python scripts/bench.py $(BENCH_ARGS)

replicas: setup ## Run three APIs under load in containers: what happens once, what fails (docs/replicas.md)
	@$(RUN) python scripts/replicas.py $(REPLICAS_ARGS)

# Not part of CI: a quarter of an hour and an hour.
chaos: setup ## Break what the containers stand on, under load, and count what is lost (CHAOS_ARGS; docs/chaos.md)
	@$(RUN) python scripts/chaos.py $(CHAOS_ARGS)

soak: setup ## Ask an API steadily for an hour and see whether it stays as it is (SOAK_ARGS="--minutes 20")
	@$(RUN) python scripts/soak.py $(SOAK_ARGS)

# Its script needs nothing but Python: whoever runs containers only does not wait for the environment.
env: ## Write .env with random secrets for compose (keeps what is there)
	@python3 scripts/env.py

up: env ## Start the full stack with Docker, on http://127.0.0.1:8080
	@docker compose up --build --wait --detach

down: ## Stop the full stack (its data stays in the volumes)
	@docker compose down

# These need Python and Docker alone, too.
backup: ## Back the running stack up into backups/ (docs/backup.md; BACKUP_ARGS="--keep-days 30")
	@python3 scripts/backup.py $(BACKUP_ARGS)

restore: ## Bring a backup back: make restore FROM=backups/… (RESTORE_ARGS=--replace over what is there)
	@python3 scripts/restore.py $(RESTORE_ARGS) $(or $(FROM),$(error say which: make restore FROM=backups/20261122T150102Z))
