"""Answers about sessions that are well formed and wrong: what each such fault makes of the groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from stagedrollout.emulator.sentry_query import RATES

Group = dict[str, Any]

_LATE_BUCKETS = 6
_COLLAPSED_BUCKETS = 2


def damaged(kind: str, groups: list[Group]) -> list[Group]:
    """What is left of `groups` under the fault; untouched where it is another kind."""
    match kind:
        case "page_cut":
            return groups[: len(groups) // 2]
        case "wrong_release":
            return [_of_another_release(group) for group in groups]
        case _ if kind in _NUMBERS:
            return [_with_numbers(group, _NUMBERS[kind]) for group in groups]
        case _:
            return groups


def with_no_number(document: dict[str, Any]) -> str:
    """The whole answer as text, its first value no number; JSON has no word for that, Python's writer has."""
    for group in document["groups"][:1]:
        for series in group["series"].values():
            series[:1] = [float("nan")]
    return json.dumps(document)


def _of_another_release(group: Group) -> Group:
    by = group["by"]
    return {**group, "by": {**by, "release": f"{by['release']}-debug"} if "release" in by else by}


Numbers = Callable[[str, list[Any]], list[Any]]
"""A field and its values, bucket by bucket."""


def _with_numbers(group: Group, numbers: Numbers) -> Group:
    totals = {field: numbers(field, [value])[0] for field, value in group["totals"].items()}
    series = {field: numbers(field, values) for field, values in group["series"].items()}
    return {**group, "totals": totals, "series": series}


def _null(_: str, values: list[Any]) -> list[Any]:
    return [None for _ in values]


def _zero(field: str, values: list[Any]) -> list[Any]:
    return [None if field in RATES else 0 for _ in values]


def _beyond(field: str, values: list[Any]) -> list[Any]:
    """More than everybody was free of crashes."""
    return [1.7 if field in RATES and value is not None else value for value in values]


def _newest(values: list[Any], buckets: int, share: float) -> list[Any]:
    """Only a share of the newest buckets that have anything has arrived."""
    filled = [place for place, value in enumerate(values) if value][-buckets:]
    return [int(value * share) if place in filled else value for place, value in enumerate(values)]


def _partly(buckets: int, share: float) -> Numbers:
    def numbers(field: str, values: list[Any]) -> list[Any]:
        return values if field in RATES else _newest(values, buckets, share)

    return numbers


_NUMBERS: dict[str, Numbers] = {
    "null_rate": _null,
    "zeros": _zero,
    "rate_beyond": _beyond,
    "partial_last": _partly(1, 0.5),
    "late_data": _partly(_LATE_BUCKETS, 0.8),
    "collapse": _partly(_COLLAPSED_BUCKETS, 0.02),
}
KINDS = frozenset({*_NUMBERS, "page_cut", "wrong_release", "not_a_number"})
