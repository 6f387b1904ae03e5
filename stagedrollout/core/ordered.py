"""A person's newest order, as a rollout keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts


@dataclass(frozen=True, slots=True)
class Ordered:
    """The newest order of a person, carried out or refused, and when."""

    said: facts.Commanded
    at: datetime
