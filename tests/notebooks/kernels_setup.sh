#!/usr/bin/env bash
# kernels_setup.sh DIR: older ipykernels and other front ends, a venv of each, in DIR (`make kernels`).
#
# Each has what is to be tested and what that asks for; all else (pandas, matplotlib ...) it borrows from the tests' own
# environment, whose site-packages come behind its own. So a venv is small, and pandas is the same in all.
# PYTHON is the interpreter of that environment.
set -euo pipefail

folder=$1
python=${PYTHON:-python3}
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
mkdir -p "$folder"

venv() { # venv NAME PACKAGE...
  local place=$folder/$1
  shift
  [[ -e $place/verified ]] && return
  rm -rf "$place"
  "$python" -m venv "$place"
  "$place/bin/python" -m pip --disable-pip-version-check --quiet install "$@"
  echo "$packages" >"$("$place/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/borrowed.pth"
  "$place/bin/python" -c 'import ipykernel, pandas, anywidget'
  touch "$place/verified"
  echo "ok: $place"
}

# 7.0 is left out: it raises LookupError on any widget update from a thread.
for version in 6.31 7.1 7.3; do
  venv "ipykernel-$version" "ipykernel==$version.*"
done
# With their widgets: a front end finds those of its own environment only.
venv notebook 'notebook>=7' ipywidgets anywidget
venv voila voila ipywidgets anywidget
venv marimo marimo anywidget
