"""The same seeds once more, in a process of their own whose hashes are others: the same story must come of it.

python -m tests.simulation.again [INSTANCES]      reads seeds, one a line, and writes each with its trace
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.simulation.outcome import PLAYED_BY

OTHER_HASHES = "20260302"


class Again:
    """The other process. Seeds are given to it as they come up; what it made of them is asked for later."""

    def __init__(self, hashes: str = OTHER_HASHES, instances: int = 1) -> None:
        self._first: dict[int, str] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.again", str(instances)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": hashes},
            start_new_session=True,  # who interrupts the campaign does not mean this one
        )

    def play(self, seed: int, trace: str) -> None:
        assert self._process.stdin is not None
        self._first[seed] = trace
        self._process.stdin.write(f"{seed}\n")
        self._process.stdin.flush()

    def told(self) -> tuple[int, list[int]]:
        """How many of the seeds given so far were played again, and which of them came out otherwise."""
        again = self._answers()
        return len(again), [seed for seed, trace in again.items() if trace != self._first.pop(seed)]

    def _answers(self) -> Mapping[int, str]:
        assert self._process.stdout is not None
        found: dict[int, str] = {}
        for _ in range(len(self._first)):
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the process that plays seeds again has died")
            seed, trace = json.loads(line)
            found[seed] = trace
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    outcome = PLAYED_BY[int(sys.argv[1]) if sys.argv[1:] else 1]
    for line in sys.stdin:
        seed = int(line)
        print(json.dumps([seed, outcome(seed).trace]), flush=True)


if __name__ == "__main__":
    main()
