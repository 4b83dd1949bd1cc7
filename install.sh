#!/bin/sh
# Make .venv with the pinned requirements and the project itself. Called by `make install`.
# The stamp holds what decides: the two files, the place, and the interpreter.
set -eu

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    found=$("$PYTHON" --version 2>&1 || true)
    echo "tanzhang needs Python 3.11 or later; '$PYTHON' is: ${found:-not found}." >&2
    echo "Name another one: make install PYTHON=python3.12" >&2
    exit 1
fi

wanted="$(cat pyproject.toml requirements.lock | cksum) $("$PYTHON" --version) $(pwd)"
stamp=.venv/.installed
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi

echo "Installing into .venv ..."
rm -f "$stamp"
# Programs in .venv know their place and interpreter: a moved or foreign one is made anew.
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    ! grep -qF "$(pwd)" .venv/pyvenv.cfg 2>/dev/null; then
    "$PYTHON" -m venv --clear .venv || {
        echo "'$PYTHON -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    }
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
# The lock is whole: nothing else is looked for.
pip install --quiet --no-deps --require-hashes -r requirements.lock
pip install --quiet --no-deps --no-build-isolation --editable .
echo "$wanted" > "$stamp"
