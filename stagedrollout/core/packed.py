"""Values of this process as bytes: many small objects take ten times the room, and the garbage collector's time.

Only for what never leaves the memory of the process that packed it.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

_QUICKLY = 1


@dataclass(frozen=True, slots=True)
class Packed(Generic[T]):
    """A frozen value, put away."""

    content: bytes

    @classmethod
    def of(cls, value: T) -> Packed[T]:
        said = _Said()
        _Pickler(said, pickle.HIGHEST_PROTOCOL).dump(value)
        return cls(zlib.compress(b"".join(said.parts), _QUICKLY))

    def taken(self) -> T:
        """Equal to what was put away, and never the same object."""
        return cast("T", pickle.loads(zlib.decompress(self.content)))  # noqa: S301 - our own, see above


class _Said:
    """What a pickler says, in the shape of a file."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.write = self.parts.append


class _Pickler(pickle.Pickler):
    """Takes a dataclass for its class and what that is called with. Left to themselves, those that are frozen and have slots
    ask for their fields anew with each object, which was a third of what the demo's daemon did."""

    def reducer_override(self, value: object) -> Any:
        kind: Any = type(value)
        arguments = _arguments(kind)
        return (kind, arguments(value)) if arguments else NotImplemented


@cache
def _arguments(kind: type) -> Callable[[object], tuple[Any, ...]] | None:
    """Of one of its objects; None where calling it with its fields would not make an equal one."""
    made = vars(kind).get("__dataclass_params__")
    if made is None or not made.init:
        return None
    names = [field.name for field in fields(kind) if field.init and not field.kw_only]
    is_whole = len(names) == len(fields(kind)) > 1  # of one alone, attrgetter makes no tuple
    return attrgetter(*names) if is_whole else None
