"""Models of the halting rules that others publish, so that a policy can be compared with them in the same worlds.

Each is a model: the shape of a published rule, moved to crash-free sessions. How strict it is its users choose; the
numbers here are those of the published examples where there are any, and else mild ones. Where a published rule has no
minimum sample one is added, so that the first crash of a release decides nothing. Needs numpy.

A rule reads what is known at each poll and says at which polls it is breached; the first one halts. Rules that look at
windows do so once an hour at the hour before, each window apart from the next, as an analysis whose interval is its
window does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, Totals

FLOOR = 99.5
"""Percent of sessions without a crash: the example in Tramline's documentation, and a common bar."""

Counts = NDArray[np.int64]
Polls = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counted:
    """Sessions and crashed ones of both arms since the release went live, by poll; at poll 0 all are 0."""

    n_c: Counts
    k_c: Counts
    n_b: Counts
    k_b: Counts

    @classmethod
    def of(cls, totals: Sequence[Totals]) -> Counted:
        """Of a world's totals, of which the first is poll 0."""
        found = np.array([(each.n_c, each.k_c, each.n_b, each.k_b) for each in totals], dtype=np.int64)
        return cls(*found.T.reshape(4, -1))

    def lately(self, polls: int) -> Counted:
        """The newest `polls` >= 1 by poll; before so many have passed, all of them."""
        return Counted(*(_lately(each, polls) for each in (self.n_c, self.k_c, self.n_b, self.k_b)))


class Rule(Protocol):
    """`name`: a few words for a table. `model_of`: whose rule. `sources`: where it is published."""

    @property
    def name(self) -> str: ...

    @property
    def model_of(self) -> str: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def words(self) -> str:
        """The rule in a sentence, with its numbers."""

    def breached(self, counted: Counted) -> Polls:
        """By poll, whether it is breached there."""


def halts_at(rule: Rule, counted: Counted) -> int | None:
    """The first poll at which the rule halts; None: never."""
    found = np.flatnonzero(rule.breached(counted))
    return int(found[0]) if len(found) else None


@dataclass(frozen=True, slots=True)
class StaticFloor:
    """Model of a fixed threshold on a release's own crash-free rate, counted since it began.

    Tramline polls a release's health every 5 minutes; its example rule calls the release unhealthy when session
    stability is below 99.5 %, once a filter on rollout and adoption lets the rule speak (here: `sessions_min`). Google
    Play's bad-behaviour threshold (1.09 % of daily users) is another such floor, on users and over 28 days.
    """

    floor: float = FLOOR
    sessions_min: int = 1000

    name = "floor, cumulative"
    model_of = "Tramline's release health rules"
    sources = (
        "https://docs.tramline.app/using-tramline/release-health-monitoring",
        "https://developer.android.com/google/play/vitals/crash",
    )

    @property
    def words(self) -> str:
        return f"halt when fewer than {self.floor:g} % of all its sessions so far are crash-free, from {self.sessions_min:,} sessions on"

    def breached(self, counted: Counted) -> Polls:
        return _below(counted, self.floor) & (counted.n_c >= self.sessions_min)


@dataclass(frozen=True, slots=True)
class InARow:
    """Model of a threshold that must be broken in so many looks in a row.

    Prometheus' `for` clause: an alert fires once it has been active at each evaluation of that time. Argo Rollouts counts
    in succession as well (consecutiveErrorLimit, default 4: the fifth ends it), though measurements that could not be
    taken, not bad ones. One good hour starts the count again; so does one with too few sessions to say.
    """

    floor: float = FLOOR
    hours: int = 5
    sessions_min: int = 100

    name = "bad hours in a row"
    model_of = "Prometheus' `for` clause; Argo Rollouts' consecutiveErrorLimit"
    sources = (
        "https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/",
        "https://github.com/argoproj/argo-rollouts/blob/master/pkg/apis/rollouts/v1alpha1/analysis_types.go",
    )

    @property
    def words(self) -> str:
        return f"halt when in {self.hours} hours in a row fewer than {self.floor:g} % were crash-free, of {self.sessions_min:,} sessions or more"

    def breached(self, counted: Counted) -> Polls:
        bad = _bad_hours(counted, self.floor, self.sessions_min)
        places = np.arange(len(bad))
        last_good = np.maximum.accumulate(np.where(bad, -1, places))
        return _at_hours(places - last_good >= self.hours, counted)


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Model of a limit on failed checks that no good check takes back.

    Flagger: `threshold`, the "max number of failed metric checks before rollback" (10 in "How it works", 5 in its
    tutorials), checked each `interval` on a window as long; pkg/controller/scheduler.go only ever adds to the count.
    Argo Rollouts' failureLimit (default 0) counts in total too. Flagger also counts a window without data as failed, and
    does not raise after a failed check; here neither is so.
    """

    floor: float = FLOOR
    failures: int = 10
    sessions_min: int = 100

    name = "bad hours in all"
    model_of = "Flagger's analysis threshold; Argo Rollouts' failureLimit"
    sources = (
        "https://docs.flagger.app/usage/how-it-works",
        "https://github.com/fluxcd/flagger/blob/main/pkg/controller/scheduler.go",
        "https://argo-rollouts.readthedocs.io/en/stable/features/analysis/",
    )

    @property
    def words(self) -> str:
        return f"halt when in {self.failures} hours in all fewer than {self.floor:g} % were crash-free, of {self.sessions_min:,} sessions or more"

    def breached(self, counted: Counted) -> Polls:
        bad = _bad_hours(counted, self.floor, self.sessions_min)
        return _at_hours(np.cumsum(bad) >= self.failures, counted)


@dataclass(frozen=True, slots=True)
class AbovePrevious:
    """Model of a fixed ratio to the previous version over a window.

    Kayenta (Spinnaker) fails a metric whose canary is above the baseline by effectSize.allowedIncrease (default 1, 1.1 in
    its example) or, critically, criticalIncrease (5.0 in its example), both as multipliers. Its judge asks for a
    Mann-Whitney test besides, which is not in this model; rules in dashboards have the ratio alone.
    """

    ratio: float = 1.5
    hours: int = 24
    sessions_min: int = 1000

    name = "ratio to previous"
    model_of = "a comparison by ratio as in Kayenta's effectSize, without its test"
    sources = (
        "https://github.com/spinnaker/kayenta/blob/master/docs/canary-config.md",
        "https://spinnaker.io/docs/guides/user/canary/best-practices/",
    )

    @property
    def words(self) -> str:
        return f"halt when its crash rate of the last {self.hours} h is above {self.ratio:g} times that of the previous version, from {self.sessions_min:,} sessions of each on"

    def breached(self, counted: Counted) -> Polls:
        seen = counted.lately(self.hours * POLLS_PER_HOUR)
        enough = np.minimum(seen.n_c, seen.n_b) >= self.sessions_min
        return enough & (1.0 * seen.k_c * seen.n_b > self.ratio * seen.k_b * seen.n_c)


@dataclass(frozen=True, slots=True)
class ZTestEachPoll:
    """Model of a fixed-horizon test that is looked at all the time: two proportions, pooled, one-sided, all data so far.

    What dashboards with p-values invite to. Johari, Koomen, Pekelis and Walsh (KDD 2017; Operations Research 2022) show
    that its error rate grows with every look. From `expected_min` expected crashes in each arm on, the textbooks' rule.
    """

    alpha: float = 0.01
    expected_min: float = 5

    name = "z-test at each poll"
    model_of = "a fixed-horizon test, watched"
    sources = ("https://arxiv.org/abs/1512.04922", "https://doi.org/10.1145/3097983.3097992")

    @property
    def words(self) -> str:
        return f"halt when at any poll a two-proportion z-test on all data so far says worse than the previous version, one-sided {100 * self.alpha:g} %"

    def breached(self, counted: Counted) -> Polls:
        n_c, n_b = counted.n_c.astype(float), counted.n_b.astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            pooled = (counted.k_c + counted.k_b) / (n_c + n_b)
            spread = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_b))
            z = (counted.k_c / n_c - counted.k_b / n_b) / spread
            enough = np.minimum(n_c, n_b) * pooled >= self.expected_min
            found: Polls = enough & (z > NormalDist().inv_cdf(1 - self.alpha))
        return found


def rules(floor: float = FLOOR) -> tuple[Rule, ...]:
    """All of them. `floor`: percent of sessions without a crash, for those that have one."""
    return StaticFloor(floor), InARow(floor), FailureCount(floor), AbovePrevious(), ZTestEachPoll()


def _below(seen: Counted, floor: float) -> Polls:
    """Whether fewer than `floor` percent were crash-free; at the floor exactly they are not. In integers: no rounding
    decides."""
    tolerated_ppm = PPM_ALL - round(floor * PPM_ALL / 100)
    found: Polls = seen.k_c * PPM_ALL > seen.n_c * tolerated_ppm
    return found


def _bad_hours(counted: Counted, floor: float, sessions_min: int) -> Polls:
    """By hour, the first one first."""
    ends = slice(POLLS_PER_HOUR, None, POLLS_PER_HOUR)
    seen = counted.lately(POLLS_PER_HOUR)
    found: Polls = (_below(seen, floor) & (seen.n_c >= sessions_min))[ends]
    return found


def _at_hours(by_hour: Polls, counted: Counted) -> Polls:
    """What is known at the end of an hour, at the poll that ends it."""
    found = np.zeros(len(counted.n_c), dtype=np.bool_)
    found[POLLS_PER_HOUR::POLLS_PER_HOUR] = by_hour
    return found


def _lately(total: Counts, polls: int) -> Counts:
    before = np.zeros_like(total)
    before[polls:] = total[:-polls]
    return total - before
