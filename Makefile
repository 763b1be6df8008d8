# Every target makes the environment that it needs, from Python 3.11 or newer and nothing else:
# see scripts/environment. PYTHON=... names another interpreter, VENV=... another place.
VENV ?= .venv
PYTHON ?=
ARGS ?=
bin := $(VENV)/bin
export PYTHON

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint fmt bench lock clean environment-demo environment-dev

help: ## say what there is to make
	@echo 'Tailrace: DynamoDB Streams that anyone can run.'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \2/p' $(MAKEFILE_LIST) \
	  | awk '{ name = $$2; $$1 = $$2 = ""; printf "  make %-7s%s\n", name, $$0 }'
	@echo
	@echo 'ARGS="..." goes to the program run by demo, test and bench.'

environment-demo:
	@scripts/environment $(VENV) demo

environment-dev:
	@scripts/environment $(VENV) dev

demo: environment-demo ## run the main job: airports, their changes, a search index that follows
	@$(bin)/python -m tailrace demo $(ARGS)

test: environment-dev ## run all tests
	@$(if $(ARGS),$(bin)/python -m pytest $(ARGS),scripts/run-tests $(bin)/python)

lint: environment-dev ## check style, formatting, types and layers
	@status=0; check() { echo "$$*"; "$$@" || status=1; }; \
	  check $(bin)/ruff check .; \
	  check $(bin)/ruff format --check .; \
	  check $(bin)/pyright --project pyproject.toml --pythonpath $(bin)/python; \
	  check $(bin)/lint-imports; \
	  check $(bin)/python -m pytest -q tests/style; \
	  exit $$status

fmt: environment-dev ## format the code and mend what can be mended
	$(bin)/ruff check --fix-only .
	$(bin)/ruff format .

bench: environment-dev ## measure Tailrace beside its peers
	@$(bin)/python -m bench.run $(ARGS)

lock: ## compile requirements/ from pyproject.toml (needs uv)
	@scripts/lock $(ARGS)

clean: ## remove what make, the tests and the demo have left here
	rm -rf $(VENV) build dist demo-data .cache .pytest_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +
