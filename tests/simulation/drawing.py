"""What all parts of a plan draw alike."""

from __future__ import annotations

from datetime import timedelta
from random import Random


def some_hours(draw: Random, most: timedelta) -> timedelta:
    """Any minute of the troubled time, not before there is something to act on."""
    return timedelta(minutes=draw.randrange(60, int(most / timedelta(minutes=1))))
