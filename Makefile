# Everything works from a fresh clone with Python 3.11+ and make: each target sets up what it needs, in .venv.
# `make help` lists the targets. PYTHON=… names another Python; PORT=… another port for `make serve`.

PYTHON ?= python3
ARGS ?=
BIN := $(CURDIR)/.venv/bin
DEMO := examples/atlas

# Do not pass a foreign environment on to the tools that run in ours. With PYTHONDONTWRITEBYTECODE each of the hundreds of
# processes that the tests start would compile all of Meze anew.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help serve test coverage test-postgresql-15 test-browser test-nginx fuzz mutations chaos check format bench bench-scale bench-export instructions guide demo dev browser clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: demo ## run the demo on PORT (8000)
	@cd $(DEMO) && $(BIN)/python load.py && exec $(BIN)/meze serve $(ARGS)

test: dev ## run every test (ARGS="-k cursors" for some)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

coverage: dev ## run every test and say which lines and branches none of them reaches
	@$(BIN)/python -m pytest -n 2 --cov=meze --cov-report=term:skip-covered $(ARGS)

test-postgresql-15: dev ## run the tests that concern databases on Debian's PostgreSQL 15
	@tools/with_postgresql_15 $(BIN)/python -m pytest -n 2 tests/contracts tests/databases -k postgresql $(ARGS)

test-browser: browser ## look at the pages in a real Chromium
	@tools/with_chromium $(BIN)/python -m pytest tests/browser $(ARGS)

test-nginx: dev ## edit rows through a real nginx that compresses
	@tools/with_nginx $(BIN)/python -m pytest tests/behind_nginx $(ARGS)

fuzz: dev ## look longer: each value of each parameter, and thousands of random requests
	@MEZE_LONG=1 $(BIN)/python -m pytest -n 2 tests/contracts/over_http/test_fuzzing.py tests/contracts -k "fuzzing or oracle" $(ARGS)

mutations: dev ## plant each known fault in the platform, and see meze verify find it
	@MEZE_LONG=1 $(BIN)/python -m pytest -n 2 tests/mutations $(ARGS)

chaos: dev ## kill the server and cut the power under load, hundreds of times (half an hour); into benchmarks/results/faults.md
	@MEZE_LONG=1 $(BIN)/python -m pytest tests/chaos $(ARGS)

check: dev ## lint, format, types, layers, spelling
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell

format: dev ## put the code into the form that `make check` asks for
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

bench: dev ## measure against the peers (BENCH=--quick only shows that it runs)
	@$(BIN)/python benchmarks/run.py $(BENCH)

bench-scale: dev ## measure with more rows, workers and connections, and beside slow queries (BENCH=--quick)
	@$(BIN)/python benchmarks/scale.py $(BENCH)

bench-export: dev ## measure exports beside short requests, and an import
	@$(BIN)/python benchmarks/export_import.py $(BENCH)

instructions: dev ## compare the instructions of each request with those that were kept (ARGS=--save keeps them anew)
	@tools/with_valgrind $(BIN)/python benchmarks/instructions.py $(ARGS)

guide: dev ## build the guide, in both languages
	@for language in en zh; do \
		$(BIN)/sphinx-build -q -W --keep-going -b html guide/$$language guide/_build/$$language || exit 1; \
		echo "guide/_build/$$language/index.html"; \
	done

clean: ## remove what the other targets made
	rm -rf .venv guide/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

demo dev browser:
	@$(PYTHON) tools/set_up.py $@
