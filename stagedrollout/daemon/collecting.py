"""How often Python looks for garbage that refers to itself, in a process that keeps much and makes little of it.

Python looks through everything it keeps whenever a quarter has been added. What was read and wired at the start stays until the
end, with a thousand apps a million objects; it is looked through no more. And as almost all garbage goes by itself, the young
is looked through less often.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20


def settle() -> None:
    """To be called once, when everything is wired."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
