# make run: set up .venv and run the workflow of config.yaml. make test: set up the same way, lint and test. make docs: build the site. make bench: measure the signal chain.
# GPU=1 installs TensorFlow with CUDA. make run RECIPE=esc50 DATA=FOLDER runs recipes/esc50.yaml on a local copy of its data.
# CONFIG="seed=1 name=other" sets keys, as --config does.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
REQUIREMENTS := requirements$(if $(GPU),-gpu).txt
INSTALLED := .venv/.installed-from-$(REQUIREMENTS)
DOCS_INSTALLED := .venv/.installed-from-requirements-docs.txt
BENCH_INSTALLED := .venv-bench/.installed-from-requirements-bench.txt
BIN := .venv/bin
RECIPE ?=
DATA ?=
CONFIG ?=
FILE := $(if $(RECIPE),recipes/$(RECIPE).yaml)
SETTINGS = $(if $(FILE),--configfile "$(FILE)") $(if $(DATA)$(CONFIG),--config $(if $(DATA),"data=$(DATA)") $(CONFIG))

.PHONY: run why efficiency test soak lint docs bench reference requirements .venv
# First clears the lock of a killed run, unless another run is at work here.
run: .venv
	@PYTHONPATH=scripts $(BIN)/python -m understory.run.arguments $(SETTINGS)
	@PYTHONPATH=scripts $(BIN)/python -m understory.run.unlock
	$(BIN)/snakemake --cores all $(SETTINGS)

# Show what would run again, and why. TARGET=RULE or a path: only what leads there.
why: .venv
	@PYTHONPATH=scripts $(BIN)/python -m understory.run.arguments $(SETTINGS)
	@$(BIN)/snakemake -n $(SETTINGS) | PYTHONPATH=scripts $(BIN)/python -m understory.run.why $(TARGET)

# What the jobs of results/$(RUN) asked for, used and wasted.
RUN ?= demo
efficiency: .venv
	@PYTHONPATH=scripts $(BIN)/python -m understory.run.efficiency "results/$(RUN)"

# One of the tests builds the documentation.
test: lint $(DOCS_INSTALLED)
	$(BIN)/python -m pytest

# The long tests: ten times as many generated inputs, all changes executed, two hundred kills.
soak: .venv
	$(BIN)/python -m pytest --hypothesis-profile=soak tests/unit/test_bad_input.py
	$(BIN)/python -m pytest -m soak

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

# The documentation as a site: open site/index.html. A broken link is an error.
docs: $(DOCS_INSTALLED)
	$(BIN)/python -m sphinx --builder html --fresh-env --fail-on-warning --nitpicky --quiet docs site

# What an example costs, beside other ways to compute it, which have an environment of their own.
bench: $(BENCH_INSTALLED)
	PYTHONPATH=scripts .venv-bench/bin/python benchmarks/signal_chain.py

.venv: $(INSTALLED)

$(INSTALLED): $(REQUIREMENTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, none was found: apt-get install python3, or set PYTHON=" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(REQUIREMENTS)
	@touch $@

$(DOCS_INSTALLED): requirements-docs.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(BENCH_INSTALLED): requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# schemas/config.schema.json and docs/configuration.md, from the description of the configuration.
reference: .venv
	PYTHONPATH=scripts $(BIN)/python -m understory.run.reference

requirements: .venv
	UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
		--extra dev pyproject.toml --output-file requirements.txt
	UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
		--extra dev --extra gpu --constraint requirements.txt pyproject.toml --output-file requirements-gpu.txt
	UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
		--extra docs --constraint requirements.txt pyproject.toml --output-file requirements-docs.txt
	grep -v '^soxr==' requirements.txt > .venv/without-soxr.txt
	UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
		--group bench --constraint .venv/without-soxr.txt --output-file requirements-bench.txt
