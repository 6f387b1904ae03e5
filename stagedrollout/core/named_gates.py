"""The gates on a team's own signals, which a policy knows by name only.

A signal that brings counts feeds the evidence; its gate says in which role, and needs neither `worse_by` nor `limit`.
A signal that brings a value is judged by the gate alone (values.py): it needs one of them, or both. Which of the two a
signal is stands with the app, so whether they fit is known when both are (config/crosscheck.py), and at every look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from stagedrollout.core.evidence.terms import SignalId
from stagedrollout.core.gates import Role
from stagedrollout.core.named import NAME
from stagedrollout.core.units import Duration, FromFile, Written, duration_text

NUMBER_MAX = Decimal(10) ** 15


def _name(value: object) -> object:
    if isinstance(value, str) and not NAME.fullmatch(value):
        raise ValueError("write small letters, digits and _, beginning with a letter, like checkout_errors")
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("write a number, like 2.5")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("write a number, like 2.5") from None
    if not number.is_finite() or abs(number) > NUMBER_MAX:
        raise ValueError("write a number, like 2.5")
    return number


SignalName = Annotated[str, Written(_name, "checkout_errors")]
"""What a team calls one of its own signals."""

Number = Annotated[Decimal, Written(_number, "2.5")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedGate(FromFile):
    """A gate on the signal that the app calls `signal`.

    `worse_by`: percent, FAIL when the candidate's value is more than that much worse than the baseline's. 20 means more
    than 1.2 times as bad: above 120 where the baseline has 100 or, where higher is better, below 100 where it has 120.
    `limit`: FAIL beyond it, whatever the baseline does; in the signal's own unit. With both, either is enough.

    It speaks only from `min_sample` on (of both arms where they are compared), passes only while what was read is at
    most `freshness` old (left out: what the signal declares, and two hours or three polls), and fails only after
    `confirm` consecutive looks that brought news.
    """

    signal: SignalName
    role: Role = Role.REQUIRED
    worse_by: Number | None = None
    limit: Number | None = None
    min_sample: int = 0
    window: Duration = timedelta(hours=24)
    freshness: Duration | None = None
    confirm: int = 2

    def __post_init__(self) -> None:
        if self.worse_by is not None and not 0 < self.worse_by <= 1_000:
            raise ValueError("worse_by is a percentage above 0 and up to 1000, for example 20")
        if self.min_sample < 0:
            raise ValueError("min_sample is a number from 0 on")
        if not 1 <= self.confirm <= 100:
            raise ValueError("confirm is a number of looks from 1 to 100")
        if not timedelta(hours=1) <= self.window <= timedelta(days=14):
            raise ValueError("window must be from 1h to 14d")
        if self.freshness is not None and not timedelta(minutes=5) <= self.freshness <= timedelta(days=14):
            raise ValueError("freshness must be from 5m to 14d")

    @property
    def name(self) -> str:
        return self.id.value

    @property
    def id(self) -> SignalId:
        return SignalId.called(self.signal)

    @property
    def by_evidence(self) -> bool:
        """Whether the evidence judges it: by its counts, hour by hour, not by a bound on a value."""
        return self.worse_by is None and self.limit is None

    @property
    def words(self) -> str:
        """As people say it: "checkout errors"."""
        return self.signal.replace("_", " ")

    @property
    def told(self) -> str:
        """What it takes to fail, as a sentence."""
        role = {Role.VETO: "; its silence holds nothing up", Role.ADVISORY: " (shown only, decides nothing)"}
        after = role.get(self.role, "")
        if self.by_evidence:
            return f"{self.words} with the evidence: halt at odds of harm of 100 : 1 in all{after}"
        bounds = [f"more than {self.worse_by:f} % worse than beside it"] if self.worse_by is not None else []
        bounds += [f"beyond {self.limit:f}"] if self.limit is not None else []
        over = f"over {duration_text(self.window)}, in {self.confirm} looks with news"
        return f"{self.words} {' or '.join(bounds)} {over}: halt if it may{after}"
