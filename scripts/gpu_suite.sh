#!/usr/bin/env bash
# Everything that this project asks of a GPU, into the folder OUT: no network, part by part.
#
#   scripts/gpu_suite.sh OUT          on a GPU
#   scripts/gpu_suite.sh OUT --dry    the same on a CPU with tiny models, to see that it works
#
# Each part has its own file or folder in OUT, put there when it is whole: called again it goes on with the parts that are missing.
# WHEELS=DIR, a folder that scripts/gpu_wheels.sh has filled, makes an environment of its own from there beside the torch that Python has;
# without it Python (PYTHON=…) has all that is needed. PARTS="tests train" does these alone.
set -uo pipefail

parts="environment tests large memory mini generate train steps"
for word in ${PARTS:-}; do
  case " $parts " in *" $word "*) ;; *) echo "PARTS: no part is called $word; they are $parts" >&2 && exit 2 ;; esac
done
out= dry=
for word in "$@"; do
  case "$word" in
  --dry) dry=yes ;;
  -* | "") out= && break ;;
  *) [ -z "$out" ] && out=$word || { out= && break; } ;;
  esac
done
[ -n "$out" ] || { echo "usage: scripts/gpu_suite.sh OUT [--dry]" >&2 && exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
out=$(mkdir -p "$out" && cd "$out" && pwd) || exit 2
python=${PYTHON:-python3}
export PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} LOPA_BENCH_CACHE=$out/.cache HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
[ -n "$dry" ] && export CUDA_VISIBLE_DEVICES=

if [ -n "${WHEELS:-}" ]; then
  [ -x "$out/.venv/bin/pytest" ] || {
    "$python" -m venv --system-site-packages "$out/.venv" &&
      "$out/.venv/bin/pip" install -q --no-index --find-links "$WHEELS" -r "$WHEELS/requirements.txt"
  } || exit 1
  python=$out/.venv/bin/python
fi

# part FILE SECONDS COMMAND…: what the command prints is FILE, where "{}" stands for a folder it may fill, moved to OUT/FILE.d with it.
part() {
  local name=$1 seconds=$2
  shift 2
  local word=${name%.*}
  case " ${PARTS:-$word} " in *" $word "*) ;; *) return ;; esac
  [ -e "$out/$name" ] && return
  local made=$out/.$name
  rm -rf "$made" && mkdir -p "$made/filled"
  echo "$(date +%T) $name" >&2
  [ -n "$dry" ] && seconds=$((10 * seconds)) # a CPU that is busy
  timeout -k 10 "$seconds" "${@//\{\}/$made/filled}" >"$made/printed" 2>"$made/errors"
  local status=$?
  if [ $status -ne 0 ]; then
    echo "$name: exit status $status, $made has what it said" >&2
    failed=1
    return
  fi
  [ -n "$(ls -A "$made/filled")" ] && rm -rf "$out/$name.d" && mv "$made/filled" "$out/$name.d"
  mv "$made/printed" "$out/$name" && rm -rf "$made"
}

benchmark() { part "$1.json" "$2" "$python" "$here/scripts/benchmark.py" "$1" --json ${dry:+--tiny}; }

failed=0
part environment.json 60 "$python" "$here/scripts/benchmark.py" machine
part tests.txt 120 "$python" -m pytest -q -n 0 -p no:cacheprovider -m gpu "$here/tests/test_gpu.py"
benchmark large 120
benchmark memory 300
table=(task=rte,sst2 method=lopa,pt,lora seed=0 ${dry:+data.limit=16 train.epochs=1})
part mini.csv 300 bash -c '
  python=$1 folder=$2; shift 2
  CUDA_VISIBLE_DEVICES= "$python" -m lopa_bench -m "$@" results_dir="$folder/cpu" >"$folder/cpu.log" 2>&1 &
  beside=$!
  "$python" -m lopa_bench -m "$@" results_dir="$folder/here" >"$folder/here.log" 2>&1 && wait "$beside" &&
    for device in here cpu; do echo "# $device"; "$python" -m lopa_bench runs format=csv results_dir="$folder/$device"; done
' bash "$python" {} "${table[@]}"
benchmark generate 300
benchmark train 600
benchmark steps 600
exit $failed
