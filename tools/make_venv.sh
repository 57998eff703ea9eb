#!/bin/sh
# Create the virtual environment $1 with a Python that sayiir can use.
#
# PYTHON, if set, is the only one tried; else the usual names are, in the order below. A
# candidate is run, not only found: version managers put names on the PATH that lead nowhere,
# and some systems ship a Python that can't make environments.
set -eu

venv="$1"
rejected=""

usable() {
    "$1" -c '
import sys
if sys.version_info < (3, 11):
    sys.exit("is Python %d.%d" % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError:
    sys.exit("cannot make environments (its venv or ensurepip module is not installed)")
' 2>&1
}

for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if ! command -v "$candidate" >/dev/null 2>&1; then
        rejected="$rejected
  $candidate: not found"
    elif reason=$(usable "$candidate"); then
        # Removed when it fails half-way: what is left would look like a finished one.
        echo "Making $venv with $candidate ($("$candidate" --version 2>&1))"
        trap 'rm -rf "$venv"' EXIT
        "$candidate" -m venv "$venv"
        trap - EXIT
        exit 0
    else
        rejected="$rejected
  $candidate: $(printf '%s\n' "$reason" | head -n 1)"
    fi
done

echo "sayiir needs Python 3.11 or later. Tried:$rejected" >&2
echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2
exit 1
