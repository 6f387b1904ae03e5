"""Many seeds on all cores: python -m tests.simulation [FIRST [COUNT]]. Exit code 1 if one of them failed."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.outcome import Outcome, outcome


def main(arguments: list[str]) -> int:
    first, count = (int(text) for text in (*arguments, *("0", "100")[len(arguments) :]))
    marks: Counter[str] = Counter()
    failed: list[int] = []
    began = time.monotonic()
    with ProcessPoolExecutor() as pool:
        for result in pool.map(_whatever_happens, range(first, first + count)):
            marks.update(result.marks)
            if result.faults:
                failed.append(result.seed)
                print(result.words(), flush=True)
    for mark, times in sorted(marks.items()):
        print(f"{times:8} {mark}")
    print(f"{count} seeds in {time.monotonic() - began:.0f} s, {len(failed)} failed: {failed}")
    return 1 if failed else 0


def _whatever_happens(seed: int) -> Outcome:
    try:
        return outcome(seed)
    except Exception:  # noqa: BLE001 - a campaign goes on; the seed counts as failed
        return Outcome(seed, (traceback.format_exc(),), {}, "", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
