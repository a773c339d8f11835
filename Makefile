# Two commands do everything on a fresh machine: `make mix` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := test
.PHONY: help mix test lint types unit generate check-generated samples faults bench bench-scale bench-near bench-peers readers ray remote peers clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

mix: $(VENV)/.core ## set up, build recipes/svit_mix.yaml on the built-in miniatures, and verify it
	$(BIN)/mixer build recipes/svit_mix.yaml --data miniatures
	$(BIN)/mixer verify out/svit_mix-miniature

test: lint types unit check-generated ## set up and run everything: lint, types, tests

lint: $(VENV)/.dev ## style and formatting
	$(BIN)/ruff check mixer tests
	$(BIN)/ruff format --check mixer tests

types: $(VENV)/.dev ## static types
	$(BIN)/mypy

unit: $(VENV)/.dev ## tests
	$(BIN)/pytest -n 2

generate: $(VENV)/.core ## write the generated files: schemas and the list of sources
	$(BIN)/mixer schema --out schemas
	$(BIN)/mixer sources --markdown > docs/sources.md

check-generated: $(VENV)/.dev ## fail when a generated file is stale
	@scratch=$$(mktemp -d) && $(BIN)/mixer schema --out $$scratch && diff -r schemas $$scratch \
	  && $(BIN)/mixer sources --markdown | diff docs/sources.md - \
	  || { echo 'a generated file is stale: run `make generate`'; exit 1; }
	@$(BIN)/check-jsonschema --check-metaschema schemas/*.json

samples: $(VENV)/.dev ## convert real excerpts: make samples MIXER_SAMPLES=DIR
	MIXER_SAMPLES=$(MIXER_SAMPLES) $(BIN)/pytest -n 2 tests/test_samples*.py

faults: $(VENV)/.dev ## slow: kill a build at every step and at 100 random moments
	$(BIN)/pytest tests/test_kill.py --kills 100

bench: $(VENV)/.dev ## slow: speed and memory against limits and other tools: make bench [SCALE=0.1] [ROUNDS=3] [ONLY=JOB,...]
	$(BIN)/python tests/bench --scale $(or $(SCALE),0.1) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

bench-scale: $(VENV)/.dev ## slow: what the steps of a mix take at N times the 665K mix: make bench-scale [TIMES=1000] [LENGTH=1356]
	$(BIN)/python tests/bench/scale.py --times $(or $(TIMES),1) $(if $(LENGTH),--length $(LENGTH))

bench-near: $(VENV)/.dev ## slow: near-duplicates of 88,524 embeddings against faiss: make bench-near [TIMES=3]
	$(BIN)/python tests/bench/near.py $(if $(TIMES),--times $(TIMES))

readers: $(VENV)/.dev ## slow: read every target back with published readers: make readers [NAMES='datasets trl']
	tests/readers.sh $(NAMES)

ray: $(VENV)/.dev ## slow: builds on two Ray nodes of this machine, one of which is killed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(BIN)/pytest tests/test_ray.py

remote: $(VENV)/.dev ## slow: sources, media, store and mixes at a local stand-in of S3
	$(PYTHON) -m venv $(VENV)/s3
	$(VENV)/s3/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[remote,dedup,embed]' 'moto[s3]>=5' 'aiobotocore[boto3]' flask flask-cors pytest hypothesis onnx
	$(VENV)/s3/bin/python -m pytest tests/test_remote.py tests/test_remote_media.py tests/test_remote_s3.py

bench-peers: $(VENV)/.dev ## install tools that `make bench` can compare with; MDS=1: one that needs torch, too, apart
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[peers]'
	$(if $(MDS),$(PYTHON) -m venv $(VENV)/mds && $(VENV)/mds/bin/python -m pip install --quiet mosaicml-streaming orjson)

peers: $(VENV)/.dev ## slow: load a mix with the old and the newest version of Hugging Face datasets
	tests/peers.sh

clean: ## remove what make made
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache
