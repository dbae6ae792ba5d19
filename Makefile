# make setup   an environment in .venv with everything in it, and the photo model
# make photo   the photo model alone, assembled in .venv from two packages
# make demo    explain a photograph that comes with the toolkit
# make test    every check, and every test but the whole grid of families
# make test-all  the whole grid, too
# make heads   what quantising does to maps, in an environment of its own (docs/heads.md)
# make docs    the documentation site, build/docs/html/index.html
# make packages  sdist and wheel, in dist
# make test-install  the wheel in a fresh environment with everything it needs, and a demo (a download)
# make guard  what people wait for, as ratios to plain work in the same run (docs/performance.md)
# make fuzz    thousands of damaged files, each read or refused in a line (an hour)

PYTHON ?= $(firstword $(foreach p,python3.13 python3.14 python3.12 python3.11 python3 python,\
	$(if $(shell $(p) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(p))))
BIN := .venv/bin
READY := .venv/ready
export TAM_MODELS := $(CURDIR)/.venv/models
PHOTO := .venv/models/photo/config.json

.PHONY: setup photo demo test test-all test-install heads guard fuzz docs packages lint types clean

setup: $(READY)

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or make PYTHON=..."; exit 3; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --editable . --group dev
	@# On all cores, where pip uses one. What cannot be compiled is compiled when it is imported.
	-$(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib
	@$(BIN)/tam get photo || echo "Set up without the photo model; 'make photo' tries again."
	@touch $(READY)

photo: $(PHOTO)

$(PHOTO): tam/photo/assembly.py tam/photo/projector.safetensors tam/photo/adapter.safetensors | $(READY)
	$(BIN)/tam get photo --force

demo: setup
	@$(BIN)/tam demo --out demo --force

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

docs: setup
	$(BIN)/python docs/make_site.py

packages: setup
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

test-install: packages
	rm -rf build/install
	$(PYTHON) -m venv build/install
	build/install/bin/python -m pip install --quiet dist/*.whl
	cd build/install && bin/tam demo --model small --out demo && bin/tam doctor

test: lint types photo
	$(BIN)/python tests/provide_chromium.py
	$(BIN)/pytest --numprocesses 2 --dist worksteal

HEADS := .venv/heads
SITE := $$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')

heads: setup
	$(BIN)/python -m venv $(HEADS)
	echo "$(SITE)" > "$$($(HEADS)/bin/python -c 'import site; print(site.getsitepackages()[0])')/tam.pth"
	$(HEADS)/bin/python -m pip install --quiet --no-deps torchao optimum-quanto hqq \
		compressed-tensors ninja einops loguru termcolor
	PYTHONPATH=.:adapters $(HEADS)/bin/python -m benchmarks.heads --out docs/heads.md

guard: setup
	$(BIN)/python benchmarks/guard.py

fuzz: setup
	$(BIN)/python -m tests.fuzz

test-all: lint types photo
	$(BIN)/python tests/provide_chromium.py
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m "grid or not grid"

clean:
	rm -rf .venv build demo out dist
