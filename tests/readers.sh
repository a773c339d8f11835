#!/usr/bin/env bash
# Read mixes back with the published readers of their formats, each in an environment of its own, and compare records.
#
#   tests/readers.sh [NAME...]
#
# NAME is a reader of the list below; without any, all are asked. What a reader needs is kept in .venv/readers; remove its
# folder there to have it installed anew. Trainers need torch: gigabytes, unless pip is told where one without CUDA is.
# Exits 1 where a record differs, or where an export leaves out other records than those that its target cannot say. A
# reader that cannot be installed is told, and no failure.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"

# Its name, its script, what is installed.
readers() {
  cat <<'LIST'
json            with_json.py
datasets-2.21   with_datasets.py       datasets==2.21.0 pillow
datasets        with_datasets.py       datasets>=4,<6 pillow
webdataset      with_webdataset.py     webdataset>=1,<2 pillow
mlcroissant     with_mlcroissant.py    mlcroissant[parquet]>=1.1,<2
energon         with_energon.py        megatron-energon>=7.4,<8 torch>=2.4,<2.14 av>=17
streaming       with_streaming.py      mosaicml-streaming>=0.13,<0.14 torch>=2.4,<2.14
trl             with_trl.py            trl>=1.16,<2 torch>=2.4,<2.14 pillow
llama_factory   with_llama_factory.py  llamafactory>=0.9.5,<0.10 torch>=2.4,<2.14
ms_swift        with_ms_swift.py       ms-swift>=4.6,<5 torch>=2.4,<2.14
LIST
}

# Make the environment of a reader, unless it is there.
install() {
  local place=$1 library
  shift
  [[ "$(cat "$place/installed" 2>/dev/null)" == "$*" ]] && return
  rm -rf "$place"
  python3 -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@" || return
  for library in torchvision torchaudio; do
    # One that is made for torch with CUDA cannot be loaded with another torch. Readers do without it, if it is not there.
    "$place/bin/python" -c "import $library" 2>/dev/null \
      || "$place/bin/python" -m pip uninstall --quiet --disable-pip-version-check --yes "$library"
  done
  echo "$*" >"$place/installed"
}

# Let a reader read all exports; print its line. Fails where a record differs.
ask() {
  local name=$1 script=$2 place="$here/.venv/readers/$1" python=python3
  shift 2
  if (($#)); then
    python="$place/bin/python"
    if ! install "$place" "$@" >"$scratch/pip" 2>&1; then
      echo "$name: not installed: $(grep -v WARNING "$scratch/pip" | tail -n 1)"
      return
    fi
  fi
  if "$python" "$here/tests/readers/$script" "$scratch/mixes" >"$scratch/said" 2>"$scratch/errors"; then
    tail -n 1 "$scratch/said"
  else
    echo "$name: FAILED: $(tail -n 1 "$scratch/said") $(tail -n 1 "$scratch/errors")"
    return 1
  fi
}

main() {
  local failed=0 names words name
  names=" $(readers | awk '{ printf "%s ", $1 }')"
  for name in "$@"; do
    [[ "$names" == *" $name "* ]] || { echo "no reader is called '$name'; there are:$names" >&2; exit 2; }
  done
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
  # Nothing is asked of the network but packages, and nothing of earlier runs is taken for what was just written.
  export HF_HUB_OFFLINE=1 HF_HOME="$scratch/home" MODELSCOPE_CACHE="$scratch/home" PYTHONWARNINGS=ignore
  "$here/.venv/bin/python" "$here/tests/readers/make.py" "$scratch/mixes" || failed=1
  while read -ra words; do
    if (($# == 0)) || [[ " $* " == *" ${words[0]} "* ]]; then
      ask "${words[@]}" </dev/null || failed=1
    fi
  done < <(readers)
  exit "$failed"
}

main "$@"
