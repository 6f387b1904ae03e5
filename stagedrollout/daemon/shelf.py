"""What passes remember of each rollout until its next one, put away as bytes.

An hour of a release's evidence is a few dozen small objects, and a rollout of three days a quarter of a megabyte of them: of
two thousand rollouts more than all the rest of the daemon, and the garbage collector went through all of them again and again,
which took half of its processor. As bytes, packed, the same takes a tenth of the room and no collector's time; to pack and unpack it
takes two milliseconds of a pass. Nothing that is remembered here is state: whatever is missing is read or computed again.
"""

from __future__ import annotations

import pickle
import threading
import zlib
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_QUICKLY = 1


class Shelf(Generic[K, V]):
    """Frozen values by key; what is taken is equal to what was put. Safe from many threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: dict[K, bytes] = {}

    def get(self, key: K) -> V | None:
        """None where nothing is remembered."""
        packed = self._kept.get(key)
        if packed is None:
            return None
        found: V = pickle.loads(zlib.decompress(packed))  # noqa: S301 - see above
        return found

    def put(self, key: K, value: V) -> None:
        packed = zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), _QUICKLY)
        with self._guard:
            self._kept[key] = packed

    def forget_where(self, over: Callable[[K], bool]) -> None:
        with self._guard:
            self._kept = {key: packed for key, packed in self._kept.items() if not over(key)}

    def forget(self, key: K) -> None:
        with self._guard:
            self._kept.pop(key, None)
