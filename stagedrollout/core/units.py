"""How people write durations and percentages, and the exact units the core counts in.

Exposure is an integer in parts per million (ppm), 0..1,000,000, so that no rounding can ever turn
99.9999 % into "everyone". 100 % (1,000,000) is never a fraction: the stores have another word for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

PPM_ALL = 1_000_000
"""Everyone. Reached only by completing a release, never by raising its fraction."""

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+[smhdw]\s*)+")
_DURATION_PART = re.compile(r"(\d+)([smhdw])")


class FromFile:
    """Base of every dataclass that is read from a file: a key it does not know is an error."""

    __slots__ = ()
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - pydantic's hook, read only


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a field that people write in a form of its own, and carries the function that reads it.

    pydantic asks such a marker for a schema and is content with a plain mapping, so the core offers
    one without importing pydantic. `form`: what JSON Schema can say of the value, for editors.
    """

    read: Callable[[Any], Any]
    example: str
    form: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        return {
            "type": "function-before",
            "function": {"type": "no-info", "function": self.read},
            "schema": handler(source),
        }


def duration(text: object) -> timedelta:
    """Read "24h", "1d 12h", "45m". Raises ValueError in words for anything else."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        raise ValueError("a duration is written like 45m, 24h, 3d or 1d 12h")
    seconds = sum(int(n) * _UNIT_SECONDS[unit] for n, unit in _DURATION_PART.findall(text))
    if seconds > 3_660 * 86_400:
        raise ValueError("a duration of more than ten years is surely a mistake")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """Write a duration with its two largest units: "2d 6h", "45m", "0s"."""
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _UNIT_SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return sign + (" ".join(parts[:2]) or "0s")


def percentage(value: object) -> Decimal:
    """Read a percentage (0..100, at most four decimals, so that it is exact in ppm)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("a percentage is a number from 0 to 100")
    try:
        number = Decimal(str(value).removesuffix("%").strip())
    except ArithmeticError:
        raise ValueError("a percentage is a number from 0 to 100") from None
    if not number.is_finite() or not 0 <= number <= 100:
        raise ValueError("a percentage is a number from 0 to 100")
    if number != number.quantize(Decimal("0.0001")):  # compared exactly: no rounding to everyone
        raise ValueError("a percentage has at most four decimals")
    return number


def ppm_from_percent(percent: Decimal) -> int:
    """Exact: `percentage` refuses what would need rounding."""
    return int(percent * 10_000)


def ppm_from_fraction(fraction: float) -> int:
    """A store's fraction (0 < f < 1) in ppm; never rounded up to everyone nor down to nobody."""
    if fraction <= 0:
        return 0
    return PPM_ALL if fraction >= 1 else min(max(round(fraction * PPM_ALL), 1), PPM_ALL - 1)


def fraction_from_ppm(ppm: int) -> float:
    """The double a store takes. Raises ValueError outside 0 < ppm < 1,000,000."""
    if not 0 < ppm < PPM_ALL:
        raise ValueError(f"{ppm} ppm is no fraction: a staged release has more than 0 % and less than 100 %")
    return ppm / PPM_ALL


def percent_text(ppm: int) -> str:
    """ "20 %", "0.5 %", "99.9999 %": exact, without trailing zeros."""
    whole, rest = divmod(ppm, 10_000)
    decimals = f"{rest:04d}".rstrip("0")
    return f"{whole}.{decimals} %" if decimals else f"{whole} %"


Duration = Annotated[timedelta, Written(duration, "24h")]
Percent = Annotated[Decimal, Written(percentage, "20")]
