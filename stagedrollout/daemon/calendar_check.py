"""The calendar once more, before each request of a raise.

Between the decision and its request the signals are asked and the store is read, which takes minutes where they are slow;
meanwhile a freeze may begin, or an iCalendar bring one. Hours are not asked again: a raise that was due when they
closed is a raise of that day.
"""

from __future__ import annotations

from datetime import datetime

from stagedrollout.core.case import Case, Decision
from stagedrollout.core.errors import Unfounded
from stagedrollout.core.model import Verb
from stagedrollout.core.policy import Policy
from stagedrollout.core.schedule import frozen_at


def check(case: Case, decision: Decision, policy: Policy, now: datetime) -> None:
    """Raises Unfounded where that policy freezes now, and did not when it was decided: what is done in a freeze all the
    same was decided so. What keeps a version from reaching everyone at once (PREPARE) is done in any case."""
    if case.window.freeze is not None or (decision.change and decision.change.verb is Verb.PREPARE):
        return
    freeze = frozen_at(policy.calendar, now)
    if freeze is not None:
        raise Unfounded(f"a freeze has begun meanwhile: {freeze.text}")
