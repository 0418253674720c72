# Every target does all of its own set-up from a bare clone: it needs only Python 3.11+, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

.PHONY: help demo test test-slow test-lowest lint figures docs check-docs bench release clean

help:                                   ## this list
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*## /\t/' | expand -t 12

define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".$(1)"
	touch $@
endef

# A stamp file for the package alone and one for each set of extras: pip runs again only when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml
	$(call install)
$(VENV)/.installed-%: pyproject.toml
	$(call install,[$*])

demo: $(VENV)/.installed                ## Figure 7 of the paper, into figures/
	$(BIN)/piqs figures 7 --out figures

# Two processes compile the kernels once; the workers of the tests would each compile all of them.
$(VENV)/.kernels: $(VENV)/.installed-tests $(wildcard src/piqs/_kernels/*.py)
	$(BIN)/python -m tests.kernel_tour trajectories pictures > /dev/null & first=$$!; \
	$(BIN)/python -m tests.kernel_tour evolutions factors steady_states > /dev/null && wait $$first
	touch $@

test: $(VENV)/.kernels                  ## the test suite without what is marked slow
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not slow"

test-slow: $(VENV)/.kernels             ## what is marked slow: large problems, code of the documentation, faults
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m slow

test-lowest:                            ## the test suite with the lowest versions that pyproject.toml allows
	test -x $(VENV)-lowest/bin/uv || { $(PYTHON) -m venv $(VENV)-lowest && $(VENV)-lowest/bin/python -m pip install --quiet uv; }
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct --editable ".[tests]"
	# a cache of kernels of its own; old versions warn of themselves
	NUMBA_CACHE_DIR=$(VENV)-lowest/kernels $(VENV)-lowest/bin/python -m pytest -n $(JOBS) --dist loadgroup -m "not slow" -W default

lint: $(VENV)/.installed-lint           ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

figures: $(VENV)/.installed             ## every figure, into figures/
	$(BIN)/piqs figures --all --out figures

docs: $(VENV)/.installed-docs           ## the documentation site, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

check-docs: $(VENV)/.installed-docs     ## the documentation without running its code: links, names, equations
	$(BIN)/sphinx-build -W --keep-going -q -b html -D nb_execution_mode=off -D suppress_warnings=myst-nb.lexer docs docs/_build/check

bench: $(VENV)/.installed-bench         ## every benchmark, into benchmarks/results.md
	$(BIN)/python -m benchmarks

release: $(VENV)/.installed-release     ## builds the packages into dist/, tries the wheel in an empty environment, prints the notes
	.ci/release $(BIN)/python

clean:                                  ## remove the environment and all caches
	rm -rf $(VENV) $(VENV)-lowest dist docs/_build .pytest_cache .mypy_cache .ruff_cache
