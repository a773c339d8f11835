#!/usr/bin/env bash
# Load a mix with the old and the newest version of Hugging Face datasets, each in an environment of its own.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
"$here/.venv/bin/mixer" build svit_mix --data "${1:-miniatures}" --out "$scratch/mix" --quiet
for version in 'datasets==2.21.0' 'datasets'; do
  python3 -m venv "$scratch/peer"
  "$scratch/peer/bin/python" -m pip install --quiet --disable-pip-version-check "$version"
  HF_HUB_OFFLINE=1 HF_HOME="$scratch/home" "$scratch/peer/bin/python" - "$scratch/mix/svit_mix.json" <<'PYTHON'
import json, sys
import datasets
rows = datasets.load_dataset("json", data_files=sys.argv[1], split="train")
plain = json.load(open(sys.argv[1]))
assert len(rows) == len(plain)
for row, record in zip(rows, plain, strict=True):
    assert {key: value for key, value in row.items() if value is not None} == record
print(f"datasets {datasets.__version__}: {len(rows)} records, equal to json.load's")
PYTHON
  rm -rf "$scratch/peer" "$scratch/home"
done
