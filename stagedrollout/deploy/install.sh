#!/bin/sh
# Installs stagedrollout into a folder of its own: a virtual environment with the versions the tests ran with.
#
#   install.sh TARGET SOURCE [EXTRAS]
#
# TARGET: made anew, like /opt/stagedrollout. SOURCE: a checkout. EXTRAS: like calendar,rehearsal; none by default.
# PYTHON: the interpreter to use (python3). What it leaves is read-only for whoever runs the daemon.
set -eu
target=$1 source=$2 extras=${3:-}

"${PYTHON:-python3}" -m venv "$target"
PIP_CONSTRAINT="$source/constraints.txt" "$target/bin/python" -m pip install --quiet --no-compile \
    --disable-pip-version-check "$source${extras:+[$extras]}"

# Google's client brings a description of each API that Google has, 110 MB of them. Three are used.
"$target/bin/python" - <<'PY'
from pathlib import Path

import googleapiclient.discovery_cache

from stagedrollout.stores.google_play.client import PUBLISHER
from stagedrollout.stores.google_play.reports import REPORTING, STORAGE

used = {f"{api.name}.{api.version}.json" for api in (PUBLISHER, REPORTING, STORAGE)}
documents = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
missing = used - {path.name for path in documents.iterdir()}
if missing:
    raise SystemExit(f"not among Google's descriptions: {', '.join(sorted(missing))}")
for path in documents.iterdir():
    if path.name not in used:
        path.unlink()
PY

"$target/bin/python" -m compileall -q "$target/lib"
"$target/bin/stagedrollout" --version
