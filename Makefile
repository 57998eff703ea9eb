# Every target sets up what it needs: an environment in .venv, made once, and this package in it.
# Nothing but Python 3.11 or later and make is taken for granted. `make help` tells the rest.

VENV := .venv
BIN := $(VENV)/bin
COMPAT := .venv-compat
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

ARGS ?=
WORKERS ?= 4

export PYTHON

# pyright's launcher would otherwise tell of newer releases on every run.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo fleet test check docs pictures bench race compat nightly format clean

help: ## show this list
	@echo 'usage: make TARGET [PYTHON=python3.12] [ARGS="..."] [WORKERS=4]'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/.installed-core ## survey the sources of the standard library, durably
	$(BIN)/python -m examples.source_survey $(ARGS)

fleet: $(VENV)/.installed-postgres,postgres-server ## thousands of bills, worker processes around PostgreSQL, one is killed
	$(BIN)/python -m examples.worker_fleet $(ARGS)

test: $(VENV)/.installed-test ## run the examples in docstrings, then all tests at CI's figures
	$(BIN)/python -m pytest --doctest-modules -q sayiir
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/.installed-check ## lint, format, types by mypy and pyright, floors, advisories
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python -m tools.audit

docs: $(VENV)/.installed-docs ## build the documents as a site into site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean --strict

pictures: $(VENV)/.installed-test ## draw the pictures of the documents anew; look at them then
	$(BIN)/python -m tools.draw_pictures

bench: $(VENV)/.installed-core ## measure against floors taken in the same run
	$(BIN)/python -m benchmarks $(ARGS)

race: $(VENV)/.installed-postgres,postgres-server ## race other systems, each in an environment of its own (half an hour)
	$(BIN)/python -m benchmarks.race $(ARGS)

compat: $(VENV)/.installed-test $(COMPAT)/.installed ## run the programs of the published package on both
	$(BIN)/python -m tools.compat --published $(COMPAT)/bin/python --jobs $(WORKERS) $(ARGS)

nightly: $(VENV)/.installed-test ## all tests at their large figures (hours)
	@# Those that judge times run by themselves, after the others, whatever came of these; a part
	@# of the tests may have none of one kind, which pytest tells by 5.
	@status=0; \
	for part in "not alone" alone; do \
		name=nightly$$(test "$$part" = alone && echo -alone).json; \
		workers=$$(test "$$part" = alone && echo 0 || echo $(WORKERS)); \
		SAYIIR_FIGURES=nightly SAYIIR_FIGURES_FILE=$$name \
			$(BIN)/python -m pytest --hypothesis-profile=nightly --timeout=0 -m "$$part" \
			-n $$workers --dist worksteal $(ARGS) || test $$? = 5 || status=1; \
	done; \
	exit $$status

format: $(VENV)/.installed-check ## rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove caches and builds; keeps .venv and databases
	rm -rf build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

# -- set-up -----------------------------------------------------------------------------------
# A stamp per set of packages, older than pyproject.toml when it has to be done again.

$(BIN)/python:
	@sh tools/make_venv.sh $(VENV)

# Apart from ours, because it has the same import name.
$(COMPAT)/.installed:
	@sh tools/make_venv.sh $(COMPAT)
	@echo 'Installing the published package'
	@$(COMPAT)/bin/python -m pip install --quiet --disable-pip-version-check \
		'sayiir[pydantic]==1.0.0'
	@touch $@

$(VENV)/.installed-core: pyproject.toml | $(BIN)/python
	@echo 'Installing sayiir'
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@echo 'Installing sayiir and what make needs to $*'
	@$(PIP_INSTALL) --editable '.[$*]'
	@touch $@
