"""What a dataclass expects at a path, in words: the second half of every sentence about a wrong value.

The dataclasses themselves are the only description of a file; this module merely reads them aloud.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from stagedrollout.config.yaml_tree import Path
from stagedrollout.core.units import Written

_EXAMPLES = {"floor": "99.0"}
"""Where the example of a type would be dangerous to copy."""

_WORDS = {
    int: "write a whole number",
    bool: "write true or false",
    str: "write a text",
    tuple: "write a list",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """One expected type, without its `None` and its annotations. `example` is "" where none is known."""

    kind: Any
    example: str = ""

    @property
    def section(self) -> bool:
        return dataclasses.is_dataclass(self.kind) and not self.example

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(_hints(self.kind)) if self.section else ()


def at(root: type, path: Path) -> Shape | None:
    """The shape at the path, or None where nothing is expected."""
    shape = _shape(root)
    for step in path:
        inner = _inside(shape, step)
        if inner is None:
            return None
        shape = inner
    return shape


def expected(shape: Shape | None) -> str:
    """What would be right here: "a whole number", "one of: observe, act"."""
    if shape is None:
        return "nothing is expected here"
    if isinstance(shape.kind, type) and issubclass(shape.kind, Enum):
        return "write one of: " + ", ".join(str(member.value) for member in shape.kind)
    if shape.section:
        return "write a section with " + ", ".join(_required(shape.kind) or shape.keys)
    words = _WORDS.get(typing.get_origin(shape.kind) or shape.kind, "write it")
    return f"{words} like {shape.example}" if shape.example else words


def addition(key: str, shape: Shape | None) -> str:
    """How to add a missing key: "add `bake: 24h`"."""
    if shape and shape.example:
        return f"add it, for example `{key}: {_EXAMPLES.get(key, shape.example)}`"
    return f"add it: {expected(shape).removeprefix('write ')}"


def places(root: type, data: Any, kind: type) -> Iterator[Path]:
    """Every path in the data where the dataclass expects a `kind`."""
    yield from _places(_shape(root), data, kind, ())


def _places(shape: Shape, data: Any, kind: type, path: Path) -> Iterator[Path]:
    if shape.kind is kind:
        yield path
        return
    pairs: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(data, dict):
        pairs = iter(data.items())
    elif isinstance(data, list):
        pairs = iter(enumerate(data))
    for step, value in pairs:
        inner = _inside(shape, step)
        if inner is not None:
            yield from _places(inner, value, kind, (*path, step))


def _inside(shape: Shape, step: str | int) -> Shape | None:
    if shape.section and isinstance(step, str):
        hint = _hints(shape.kind).get(step)
        return None if hint is None else _shape(hint)
    if typing.get_origin(shape.kind) is tuple and isinstance(step, int):
        return _shape(typing.get_args(shape.kind)[0])
    return None


def _shape(hint: Any, example: str = "") -> Shape:
    if typing.get_origin(hint) is typing.Annotated:
        kind, *notes = typing.get_args(hint)
        return _shape(kind, next((note.example for note in notes if isinstance(note, Written)), example))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _shape(next(kind for kind in typing.get_args(hint) if kind is not type(None)), example)
    return Shape(hint, example)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {entry.name: hints[entry.name] for entry in dataclasses.fields(kind)}


def _required(kind: Any) -> list[str]:
    without = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(kind) if f.default is without and f.default_factory is without]
