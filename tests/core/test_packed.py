"""What a pass remembers until the next one comes back as it was, whatever it is made of."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

import pytest

from stagedrollout.core.packed import Packed


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: str


@dataclass(frozen=True, slots=True)
class Several:
    at: datetime
    colour: Colour
    within: tuple[Several, ...] = ()
    by_name: dict[str, Pair] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class One:
    value: int


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Counts:
    """Has a field that it is not called with."""

    given: int
    other: int
    made: int = field(init=False, default=0)


@dataclass(frozen=True, slots=True)
class ByName:
    first: int
    second: int = field(kw_only=True)


@dataclass
class Base:
    first: int
    second: int


class Derived(Base):
    """No dataclass itself, and with more to it than its base is called with."""

    def __init__(self, first: int) -> None:
        super().__init__(first, 2 * first)
        self.third = 3


@dataclass(init=False)
class OwnInit:
    first: int
    second: int

    def __init__(self, both: int) -> None:
        self.first = self.second = both


def counted() -> Counts:
    value = Counts(1, 2)
    object.__setattr__(value, "made", 7)
    return value


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INNER = Several(NOON, Colour.RED)


@pytest.mark.parametrize(
    "value",
    [
        Several(NOON, Colour.RED, (INNER, INNER), {"a": Pair(1, "b")}),
        *(One(3), Nothing(), counted(), ByName(1, second=2), Base(1, 2), OwnInit(4)),
        *(None, 3, "text", (1, (2, NOON)), Colour.RED, Pair(1, "b"), frozenset({One(1)})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_put_away_is_the_same_when_it_is_taken(value):
    taken = Packed.of(value).taken()
    assert taken == value
    assert type(taken) is type(value)


def test_what_a_class_adds_to_a_dataclass_is_put_away_as_well():
    taken = Packed.of(Derived(5)).taken()
    assert (type(taken), taken.first, taken.second, taken.third) == (Derived, 5, 10, 3)


def test_what_was_put_away_is_another_object_each_time():
    packed = Packed.of(INNER)
    assert packed.taken() is not packed.taken()


def test_fields_are_asked_for_by_their_class_and_not_for_each_object(monkeypatch):
    """Left to pickle, a frozen dataclass with slots looks through its fields for each object: a third of the work of the demo's daemon."""
    many = tuple(Several(NOON, Colour.RED) for _ in range(100))
    Packed.of(many).taken()
    monkeypatch.setattr("dataclasses.fields", lambda _: pytest.fail("asked again"))
    assert Packed.of(many).taken() == many
    with pytest.raises(pytest.fail.Exception):
        pickle.dumps(many)
