# `make` alone lists the commands.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help

##@ To use it
.PHONY: help
help: ## list these commands
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## make .venv and install everything into it (once)

.PHONY: run
run: setup ## train on handwritten digits, certify the run, leave runs/digits
	@$(BIN)/torchlean train digits --certify 10

##@ To work on it
.PHONY: test
test: setup ## run every test
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: check
check: setup ## lint, formatting, types, layout of the trees
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy spec runtime proofs tests $(sort $(dir $(wildcard examples/*.py benchmarks/*.py)))
	@$(BIN)/python -m pytest -q tests/test_layout.py

.PHONY: conform
conform: setup ## compare our numbers with NumPy's, in millions of cases (2 min)
	@$(BIN)/python tests/conform/compare_binary_with_numpy.py

.PHONY: mutants
mutants: setup ## replace each function of the API by a wrong one; see its test go red (2 min)
	@$(BIN)/python -m tests.mutate_names

.PHONY: prove
prove: setup ## prove every theorem about our code, with every mutant (5 min)
	@$(BIN)/python -m torchlean_proofs prove

.PHONY: bench
bench: .venv-bench/.installed ## time us against PyTorch and JAX (10 min on a quiet machine)
	@.venv-bench/bin/python benchmarks/training_steps.py
	@.venv-bench/bin/python benchmarks/optimizers.py
	@.venv-bench/bin/python benchmarks/start_up.py
	@.venv-bench/bin/python benchmarks/memory.py

.PHONY: clean
clean: ## remove .venv, caches and what was built; runs/ stays
	@rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An old pip knows no dependency groups, so pip comes first.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit( \
	  f"expected Python 3.11 or later, got {v.major}.{v.minor}: make PYTHON=...")'
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# The competitors are large, so they live in an environment of their own.
.venv-bench/.installed: pyproject.toml
	@echo "setting up .venv-bench with PyTorch and JAX (once)"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --upgrade pip
	@.venv-bench/bin/python -m pip install --quiet torch==2.13.0
	@.venv-bench/bin/python -m pip install --quiet jax optax --editable '.[examples]'
	@touch $@
