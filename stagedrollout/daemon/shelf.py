"""What passes remember of each rollout until its next one, put away as bytes.

An hour of a release's evidence is a few dozen small objects, and a rollout of three days a quarter of a megabyte of them: of
two thousand rollouts more than all the rest of the daemon, and the garbage collector went through all of them again and again,
which took half of its processor. As bytes, packed, the same takes a tenth of the room and no collector's time; to pack and unpack it
takes two milliseconds of a pass. Nothing that is remembered here is state: whatever is missing is read or computed again.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from stagedrollout.core.packed import Packed

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Frozen values by key; what is taken is equal to what was put. Safe from many threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: dict[K, Packed[V]] = {}

    def get(self, key: K) -> V | None:
        """None where nothing is remembered."""
        packed = self._kept.get(key)
        return packed.taken() if packed else None

    def put(self, key: K, value: V) -> None:
        packed = Packed.of(value)
        with self._guard:
            self._kept[key] = packed

    def forget(self, key: K) -> None:
        with self._guard:
            self._kept.pop(key, None)
