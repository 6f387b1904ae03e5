"""When what was put off is due, whatever the clock was then that said so.

A row keeps the instant of its next try. One that lies further ahead than anything is put off comes from a clock that
has been set back since; to wait for it would keep a halt untold for days, so it is due at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, Column, ColumnElement, bindparam, case, func, or_

from stagedrollout.core.notice import PUT_OFF_MAX
from stagedrollout.storage.instants import micros

AT_ONCE = 0
"""Not "now": a clock that is set back, or another clock than the sender's, must not delay a notice."""

_NOW: BindParameter[int] = bindparam("now_us")
_BEYOND: BindParameter[int] = bindparam("beyond_us")


def come(next_try_us: Column[int]) -> ColumnElement[bool]:
    """Whether its time has come."""
    return or_(next_try_us <= _NOW, next_try_us > _BEYOND)


def first(next_try_us: Column[int]) -> ColumnElement[int]:
    """When the first of them is due."""
    return func.min(case((next_try_us > _BEYOND, AT_ONCE), else_=next_try_us))


def at(now: datetime) -> dict[str, int]:
    """What queries with these conditions are executed with."""
    return {_NOW.key: micros(now), _BEYOND.key: micros(now + PUT_OFF_MAX)}
