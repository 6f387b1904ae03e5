"""In a tree's own process: plays seeds until one fails, and prints which, or nothing.

python -m tests.sabotage.hunt FIRST LAST
"""

from __future__ import annotations

import json
import sys

from tests.simulation.outcome import outcome


def main(first: int, last: int) -> None:
    for seed in range(first, last + 1):
        faults = _faults(seed)
        if faults:
            print(json.dumps({"seed": seed, "fault": faults[0]}))
            return


def _faults(seed: int) -> tuple[str, ...]:
    try:
        return outcome(seed).faults
    except Exception as error:  # noqa: BLE001 - a broken product may break in any way
        return (f"{type(error).__name__}: {error}",)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
