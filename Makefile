# Two commands from a clean checkout: `make demo` and `make test`. Both install first.

PYTHON ?= python3
DEMO_OPTIONS ?=
UP_OPTIONS ?=
PYTEST_OPTIONS ?=
BENCH_OPTIONS ?=
FAULTS ?= 200
SEED ?=
# Most tests wait for a group to form or a process to start: more of them than cores.
TEST_PROCESSES ?= 4
PY := .venv/bin/python
UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.10.1

# Everything that is generated, into a folder.
define GENERATE
mkdir -p $(1)/docs $(1)/deploy/k8s/base/monitoring && \
$(PY) -m shared.events.schema $(1)/docs && \
$(PY) -m shared.metrics > $(1)/docs/metrics.md && \
$(PY) -m tanzhang.openapi $(1)/docs/openapi && \
$(PY) -m deploy.grafana $(1)/deploy/grafana/dashboards && \
$(PY) -m deploy.k8s $(1)/deploy/k8s/base/monitoring/alerts.yaml
endef

# What in a folder differs from what is here or is not here, and what is here and not generated any
# more, where nothing else is kept.
define COMPARE
{ (cd $(1) && find . -type f -exec diff -q {} '$(CURDIR)'/{} ';'); \
for folder in docs/openapi docs/schemas deploy/grafana/dashboards; do \
diff -rq $(1)/$$folder $$folder; done; } 2>&1 | { ! grep . ; }
endef

.PHONY: help install demo up test test-unit test-kafka test-deploy test-faults bench bench-short check advisories generate format lock clean

help:  ## This list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 14

install:  ## .venv with the project and the pinned requirements; skipped when nothing changed
	@PYTHON='$(PYTHON)' sh ./install.sh

demo: install  ## The six services, a simulated city, the golden numbers, an audit
	@$(PY) -m tanzhang demo $(DEMO_OPTIONS)

up: install  ## Everything on this machine, until Ctrl-C
	@$(PY) -m tanzhang up $(UP_OPTIONS)

# What takes long and is about running it for real is in test-deploy, the demo with it; restores are
# in test-kafka.
test: install  ## Unit, integration and end-to-end tests on the embedded stack
	@$(PY) -m pytest -m "not faults" --ignore=tests/kafka --ignore=tests/deploy \
		--ignore=tests/integration/operating \
		--ignore=tests/e2e/test_demo.py --ignore=tests/e2e/test_webhooks.py \
		-n $(TEST_PROCESSES) --no-loadscope-reorder $(PYTEST_OPTIONS)

test-unit: install  ## The tests without any server
	@$(PY) -m pytest tests/unit $(PYTEST_OPTIONS)

test-kafka: install  ## Integration, end-to-end and restore tests on Apache Kafka 4 (needs Java 17 and Maven)
	@$(PY) -m tests.kafka tests/kafka tests/e2e tests/integration -m "not faults" \
		--ignore=tests/e2e/test_demo.py \
		-n $(TEST_PROCESSES) --no-loadscope-reorder $(PYTEST_OPTIONS)

test-deploy: install  ## Running it for real: image, Compose, Kubernetes, Prometheus, interfaces, docs, upgrades
	@$(PY) -m pytest tests/deploy tests/integration/operating/test_migrations.py \
		tests/integration/operating/test_rebuild.py \
		tests/e2e/test_demo.py tests/e2e/test_webhooks.py \
		-n $(TEST_PROCESSES) --no-loadscope-reorder $(PYTEST_OPTIONS)

test-faults: install  ## The tests that kill and interrupt: FAULTS of them in a storm, from SEED
	@TANZHANG_FAULTS=$(FAULTS) TANZHANG_FAULT_SEED=$(SEED) $(PY) -m pytest -m faults $(PYTEST_OPTIONS)

bench: install  ## Measure on a quiet machine; results in benchmarks/RESULTS.md (an hour)
	$(PY) -m benchmarks all $(BENCH_OPTIONS)
	$(PY) -m benchmarks all --kafka $(BENCH_OPTIONS)

bench-short: install  ## Do the benchmarks run? The main ones, small, nothing kept
	$(PY) -m benchmarks chain ingest latency readings --short $(BENCH_OPTIONS)

check: install  ## Form, types, import directions, generated files fresh
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()' --no-logo

	@rm -rf .cache/generated && $(call GENERATE,.cache/generated)
	@$(call COMPARE,.cache/generated) || { echo 'Not fresh: run make generate' >&2; exit 1; }

generate: install  ## Interfaces, metrics, dashboards and alerts, each from what it describes
	$(call GENERATE,.)

advisories:  ## Known vulnerabilities of what is pinned; fails when it cannot ask about all
	@test -x .cache/pip-audit/bin/pip-audit || $(PYTHON) -m venv .cache/pip-audit
	@.cache/pip-audit/bin/pip install --quiet pip-audit==$(PIP_AUDIT_VERSION)
	.cache/pip-audit/bin/pip-audit --strict --require-hashes --disable-pip \
		--requirement requirements.lock

format: install  ## Put the code into its form
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lock: install  ## Pin the newest requirements that fit, for Python 3.11 and later, all platforms
	$(PY) -m pip install --quiet uv==$(UV_VERSION)
	$(PY) -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade \
		--output-file requirements.lock
	$(PY) -m uv pip compile pyproject.toml --constraint requirements.lock --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--output-file requirements-services.lock

clean:  ## Remove what was installed, made and cached, the local stack's data included
	rm -rf .venv .tanzhang .cache build .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache tanzhang.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
