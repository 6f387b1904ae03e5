"""Which test enters which function, and what it costs: found out once for each state of the package, as it takes as
long as the tests do. A test that is new since is found out when it is met."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.mutation.living import PACKAGE, Place
from tests.mutation.mutants import ROOT


class Reach(NamedTuple):
    """Seconds of the processor, and the functions."""

    cpu: float
    places: list[Place]


class Reached:
    """By the name of the test."""

    def __init__(self, files: Iterable[str]) -> None:
        told = hashlib.sha256(repr(sorted(files)).encode())
        for path in sorted((ROOT / PACKAGE).rglob("*.py")):
            told.update(path.read_bytes())
        self._file = Path(tempfile.gettempdir()) / f"mutation-{told.hexdigest()[:16]}.json"
        known = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        self.by_test = {test: _reach(cpu, places) for test, (cpu, places) in known.items()}

    def add(self, found: Mapping[str, Reach]) -> None:
        self.by_test |= found
        self._file.write_text(json.dumps(self.by_test), "utf-8")


def _reach(cpu: float, places: Iterable[tuple[str, str, int]]) -> Reach:
    return Reach(cpu, [(str(file), str(where), int(begins)) for file, where, begins in places])
