"""One measured figure beside its bound, and how both are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`bound` is the most it may be, in `unit`; None where there is none. `note` says how it was got."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        return self.bound is None or self.value <= self.bound


def shown(figures: Sequence[Figure], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {"figures": [asdict(figure) | {"kept": figure.kept} for figure in figures]}, indent=2
        )
    rows = [("figure", "value", "at most", "", "")]
    for figure in figures:
        bound = "" if figure.bound is None else f"{figure.bound:g} {figure.unit}"
        verdict = "" if figure.bound is None else "kept" if figure.kept else "MISSED"
        rows.append(
            (figure.name, f"{figure.value:g} {figure.unit}".strip(), bound.strip(), verdict, figure.note)
        )
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines, every column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
