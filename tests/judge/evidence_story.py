"""The hand-written stories under a policy that weighs evidence: what the daemon then asks, and what it is told.

5.1.0 crashes in 0.5 % of its sessions, 9,900 an hour, and so does 5.2.0 with its 100 an hour, until a test says
otherwise. Crashes come one a user. The floors are vetoes and far below.
"""

from __future__ import annotations

from typing import Any

from tests.judge.apple_story import GUARDED, AppleStory
from tests.judge.story import POLICY, Raw, Story, at

FLOOR = POLICY["gates"][0] | {"floor": 60.0, "role": "veto"}
EVIDENCE = {"gates": [FLOOR], "evidence": {"on_inconclusive": "ask"}}
CHOOSING = {"gates": [FLOOR], "evidence": {"on_inconclusive": "advance"}}
RATE = 0.005
_OLD_USERS = 40_000
_WEEK = 168
_BY_STATUS = ["release", "session.status"]
_USER_FIELDS = ["count_unique(user)", "crash_free_rate(user)"]
_RATES = ["sum(session)", *_USER_FIELDS, "crash_free_rate(session)"]


class Asking(Story):
    """`crashing`: 5.2.0's crash rate from an hour on; `crashed_users` of its 400 users of each day, and
    `old_rate` 5.1.0's crash rate from an hour on."""

    old = "com.acme.app@5.1.0+5010"

    def __init__(self, **how: Any) -> None:
        self.crashing, self.old_rate = [(0.0, RATE)], [(0.0, RATE)]
        self.crashed_users, self.old_per_hour = 2, 9_900
        self.asked_before = False
        super().__init__(**{"policy": EVIDENCE} | how)

    def asks(self, hour: float, **how: Any) -> None:
        super().asks(hour, **how)
        self.asks_for_counts(hour, **how)

    def asks_for_counts(self, hour: float, *, status: int | None = 200, frozen_at: float = 1000) -> None:
        """What is normal, with the first question; then sessions, and users at each full hour."""
        if not self.asked_before:
            self.asks_what_is_normal(hour)
        both = [self.candidate, self.old]
        hours = list(range(4, int(hour) + 1))
        told = _sessions(self._rows(hours, frozen_at), hours)
        self._ask(
            hour, ["sum(session)"], _BY_STATUS, told, names=both, span=(4, int(hour) + 1), status=status
        )
        if hour == int(hour):
            days = list(range(int(hour) // 24 + 1))
            told = _users(self._user_rows(days), days)
            self._ask(hour, _USER_FIELDS, ["release"], told, names=both, daily=True, status=status)

    def asks_what_is_normal(self, hour: float, rate: float = RATE) -> None:
        told = _past(self.old, rate)
        self._ask(hour, _RATES, ["release"], told, names=[self.old], span=(4 - _WEEK, 4))
        self.asked_before = True

    def _ask(
        self,
        hour: float,
        fields: list[str],
        group: list[str],
        told: Raw,
        *,
        names: list[str],
        span: tuple[int, int] | None = None,
        daily: bool = False,
        status: int | None = 200,
    ) -> None:
        query: Raw = {"project": [self.project], "query": [f"release:[{','.join(names)}]"]}
        query |= {"field": fields, "groupBy": group, "interval": ["1d" if daily else "1h"]}
        if span:
            query |= {"start": [at(span[0])], "end": [at(span[1])]}
        response = told if status == 200 else "<html>Bad Gateway</html>"
        path = "/api/0/organizations/acme/sessions/"
        self.requested(hour, "sentry", path, method="GET", query=query, status=status, response=response)

    def _rows(self, hours: list[int], frozen_at: float) -> dict[str, list[tuple[int, int]]]:
        own = [self.sessions_per_hour if h < frozen_at else 0 for h in hours]
        old = [self.old_per_hour if h < frozen_at else 0 for h in hours]
        return {
            self.candidate: [(n, _crashed(n, self.crashing, h)) for n, h in zip(own, hours, strict=True)],
            self.old: [(n, _crashed(n, self.old_rate, h)) for n, h in zip(old, hours, strict=True)],
        }

    def _user_rows(self, days: list[int]) -> dict[str, list[tuple[int, int]]]:
        return {
            self.candidate: [(400, self.crashed_users) for _ in days],
            self.old: [(_OLD_USERS, int(_OLD_USERS * RATE)) for _ in days],
        }


class AppleAsking(Asking, AppleStory):
    old = "com.acme.app@5.1.0+33310"

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"policy": GUARDED | EVIDENCE} | how)


def _crashed(count: int, rates: list[tuple[float, float]], hour: int) -> int:
    """As many as the rate makes, the fractions of earlier hours included."""
    rate = [rate for since, rate in rates if since <= hour][-1]
    return int((hour + 1) * count * rate) - int(hour * count * rate)


def _sessions(rows: dict[str, list[tuple[int, int]]], hours: list[int]) -> Raw:
    groups = [
        {"by": {"release": name, "session.status": status}, "totals": {}, "series": {"sum(session)": series}}
        for name, counts in rows.items()
        for status, series in (
            ("abnormal", [0 for _ in counts]),
            ("crashed", [bad for _, bad in counts]),
            ("healthy", [total - bad for total, bad in counts]),
        )
    ]
    return {"intervals": [at(hour) for hour in hours], "groups": groups}


def _users(rows: dict[str, list[tuple[int, int]]], days: list[int]) -> Raw:
    groups = [
        {
            "by": {"release": name},
            "totals": {},
            "series": {
                "count_unique(user)": [total for total, _ in counts],
                "crash_free_rate(user)": [1 - bad / total for total, bad in counts],
            },
        }
        for name, counts in rows.items()
    ]
    return {"intervals": [at(24 * day) for day in days], "groups": groups}


def _past(name: str, rate: float) -> Raw:
    totals = {"sum(session)": 1_000_000, "crash_free_rate(session)": 1 - rate}
    totals |= {"count_unique(user)": 200_000, "crash_free_rate(user)": 0.975}
    return {"intervals": [at(-1)], "groups": [{"by": {"release": name}, "totals": totals, "series": {}}]}


def terms(p_ref: float) -> Raw:
    """What the journal says of a run before which 5.1.0 crashed so often."""
    shares = {"crashed_sessions": 0.6, "floor": 0.15, "crashed_users": 0.1, "abnormal_sessions": 0.05}
    weights = [{"signal": name, "weight": share / 0.9} for name, share in shares.items()]
    return {"p_ref": p_ref, "s": 1.1, "rho0": 1.2, "floor": 2 * p_ref, "weights": weights}


def raised(hour: float = 28.5, *, because: str = "", **how: Any) -> Asking:
    """1 % since hour 4, and raised to 10 % at `hour`."""
    story = Asking(**how)
    story.polls(4, hour)
    story.raises(hour, 0.1, because=because)
    story.ends("rolling_out", 100_000)
    return story


def small(story: Asking) -> Asking:
    """So few people use the app that evidence takes weeks."""
    story.sessions_per_hour, story.old_per_hour = 1, 99
    return story


def hidden(story: Asking) -> Asking:
    """Half of all users are offered it, and next to no sessions of it arrive."""
    story.served(4, "inProgress", 500_000)
    story.sessions_per_hour = 20
    return story


def crashes(story: Asking, since: float, rate: float = 0.15) -> Asking:
    story.crashing.append((since, rate))
    return story
