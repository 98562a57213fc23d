#!/usr/bin/env bash
# The wheels that scripts/gpu_suite.sh starts from, into the folder DIR: for Python 3.12 on Linux, without torch, which is there.
#
#   scripts/gpu_wheels.sh DIR     needs network, uv and pip
set -euo pipefail

[ $# = 1 ] && [ "${1#-}" = "$1" ] || { echo "usage: scripts/gpu_wheels.sh DIR" >&2 && exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1" && wheels=$(cd "$1" && pwd)
cd "$here"
# torch brings the libraries of CUDA along.
printf 'pytest\npytest-xdist\n' |
  uv pip compile -q pyproject.toml - -c constraints.txt --python-version 3.12 --python-platform x86_64-manylinux_2_28 \
    --no-header --no-annotate --no-emit-package torch | grep -vE '^(nvidia|triton|cuda)' >"$wheels/requirements.txt"
# A wheel where one is published for that Python, else one made here of a package that is Python alone.
while read -r package; do
  python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 \
    --platform manylinux2014_x86_64 -d "$wheels" "$package" || python3 -m pip wheel -q --no-deps -w "$wheels" "$package"
done <"$wheels/requirements.txt"
python3 -m pip wheel -q --no-deps -w "$wheels" .
echo lopa-bench >>"$wheels/requirements.txt"
