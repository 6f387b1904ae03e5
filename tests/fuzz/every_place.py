"""Every kind of place of every answer in turn, and there everything a writer could have meant otherwise.

What is drawn (spoiling.py) meets several spoiled places at once; this meets each alone, and leaves none out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.fuzz.spoiling import Raw, places, put, spoiled_text
from tests.fuzz.world import Fuzzed, opened

INSTEAD: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**13, 0.5, 1e308, "", "²", "\x00", "a b", "9999-12-31T23:59:59-23:59"),
    *([], {}, [None], {"": [1]}, [[1]], Raw("1e999"), Raw("NaN"), Raw('"\\ud800"'), Raw("1" + "0" * 400)),
)
DROPPED = object()


class Only:
    """Spoils one kind of place of the answer with this number, with one value."""

    def __init__(self, path: tuple[Any, ...], value: Any) -> None:
        self.path, self.value = path, value
        self.status, self.headers = None, ()

    def of(self, body: bytes) -> bytes:
        try:
            document = json.loads(body)
        except ValueError:
            return body
        return spoiled_text(put(document, self.path, self.value))


def answers(asks: Callable[[Fuzzed], object]) -> list[bytes]:
    """What is answered to it where nothing is spoiled."""
    heard: list[bytes] = []

    class Listens(Only):
        def of(self, body: bytes) -> bytes:
            heard.append(body)
            return body

    listens: Any = Listens((), None)
    asks(opened([listens], recorded=True))
    return heard


def paths(
    asks: Callable[[Fuzzed], object], values: tuple[Any, ...] = (*INSTEAD, DROPPED)
) -> Iterator[tuple[int, tuple[Any, ...], Any]]:
    """Which answer, where in it, and what is put there."""
    done = set[tuple[Any, ...]]()
    for number, body in enumerate(answers(asks)):
        for kind, path in _kinds(body).items():
            if (len(body), kind) not in done:  # else the same answer once more
                done.add((len(body), kind))
                yield from ((number, path, value) for value in values)


def spoilt(number: int, path: tuple[Any, ...], value: Any) -> Fuzzed:
    """A world in which this one place is another."""
    spoil: Any = Only(path, value)
    return opened([*[None] * number, spoil, *[None] * 200], recorded=True)


def every(asks: Callable[[Fuzzed], object], values: tuple[Any, ...]) -> Iterator[tuple[Fuzzed, str]]:
    """Worlds in each of which one place is another; and which, in words."""
    for number, path, value in paths(asks, values):
        yield spoilt(number, path, value), f"answer {number}, {'.'.join(map(str, path))}: {value!r}"


def _kinds(body: bytes) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """One place of every kind."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    kinds = {
        tuple("*" if isinstance(k, int) else k for k in path): path for path in reversed(places(document))
    }
    return {(): (), **kinds}
