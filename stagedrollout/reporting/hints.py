"""What the numbers say about the policy, in plain sentences that cite them: few, and none where there is nothing to say.

Each is arithmetic over the selection and says what was counted. None of them knows what would have happened instead;
`policy simulate` and `policy compare` are for that. With too few releases nothing is said (overall.RELEASES_MIN).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from stagedrollout.core.hours import HOUR
from stagedrollout.core.units import PPM_ALL, percent_text
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hands import OverrideKind
from stagedrollout.reporting.overall import Overall, percent
from stagedrollout.reporting.release import Outcome, ReleaseReport
from stagedrollout.reporting.stages import Left

SHARE_MIN = 0.3
"""Of releases, raises or halts: what happens to fewer of them is no reason to change a policy."""

COUNT_MIN = 2
HALTS_MIN = 3
RAISES_MIN = 3

CONFIRMED_WITHIN = timedelta(minutes=10)
"""A store that takes longer to show a halt is worth a look."""

_LATE_PPM = PPM_ALL // 2

_WAITS = {
    Cause.CLOSED_HOURS: "more days or hours in the policy's calendar are all that would shorten that",
    Cause.FREEZE: "freezes are the policy's own",
    Cause.EVIDENCE: "see `stagedrollout policy simulate` for what your numbers of users can show, and how soon",
    Cause.HELD: "what for is told with each of them",
    Cause.REVIEW: "no policy shortens that; send for review earlier",
    Cause.OTHER_STORE: "the link makes it wait for the other store",
}
"""What a release may wait for longest, and what could be done; the bake is the policy's own choice."""


def hints(releases: tuple[ReleaseReport, ...], found: Overall) -> tuple[str, ...]:
    return tuple(_hints(releases, found)) if found.enough else ()


def _hints(releases: tuple[ReleaseReport, ...], found: Overall) -> Iterator[str]:
    over = tuple(each for each in releases if each.outcome is not Outcome.GOING_ON)
    yield from _longest_waits(over)
    yield from _by_policy(releases)
    yield from _late_halts(releases)
    yield from _taken_back(found)
    yield from _slow_halts(releases)
    yield from _sooner(releases)


def _longest_waits(over: tuple[ReleaseReport, ...]) -> Iterator[str]:
    """Where most of a release's time went, bake and waits compared."""
    longest = Counter(_longest(each) for each in over)
    whole = sum((each.lasted for each in over), timedelta(0))
    for cause, advice in _WAITS.items():
        count = longest[cause]
        if not _many(count, len(over)):
            continue
        hours = sum((each.hours.get(cause, timedelta(0)) for each in over), timedelta(0))
        part = f"{hours / HOUR:,.0f} h of all, {percent(hours / whole)}"
        yield f"{count} of {len(over)} releases spent most of their time on {cause.words} ({part}): {advice}"


def _longest(release: ReleaseReport) -> Cause | None:
    rival = {cause: span for cause, span in release.hours.items() if cause in _WAITS or cause is Cause.BAKE}
    return max(rival, key=lambda cause: rival[cause], default=None)


def _by_policy(releases: tuple[ReleaseReport, ...]) -> Iterator[str]:
    """Stages that mostly end undecided show little: the lowest such stage says it."""
    raised = [stage for each in releases for stage in each.stages if stage.left.raised]
    for ppm in sorted({stage.ppm for stage in raised}):
        here = [stage for stage in raised if stage.ppm == ppm]
        undecided = sum(stage.left is Left.BY_POLICY for stage in here)
        if len(here) >= RAISES_MIN and undecided * 2 > len(here):
            at = percent_text(ppm)
            yield (
                f"{undecided} of {len(here)} raises from {at} were by policy, with inconclusive evidence: at your size"
                f" {at} shows little in that time; see `stagedrollout policy simulate`"
            )


def _late_halts(releases: tuple[ReleaseReport, ...]) -> Iterator[str]:
    halts = [stop for each in releases for stop in each.stops if stop.by_machine]
    late = sum(stop.ppm >= _LATE_PPM for stop in halts)
    if len(halts) >= HALTS_MIN and late * 2 > len(halts):
        yield (
            f"{late} of {len(halts)} halts by the daemon came at {percent_text(_LATE_PPM)} or more: an earlier stage that"
            " lasts longer meets fewer people; `stagedrollout policy compare` puts a number to it"
        )


def _taken_back(found: Overall) -> Iterator[str]:
    if found.taken_back >= COUNT_MIN and _many(found.taken_back, found.machine_halts):
        yield (
            f"{found.taken_back} of {found.machine_halts} halts by the daemon were resumed by a person, and the release"
            " then reached 100 %: if they were mistaken, the margin that the policy tolerates is too small"
        )


def _slow_halts(releases: tuple[ReleaseReport, ...]) -> Iterator[str]:
    halts = [(stop, each) for each in releases for stop in each.stops if stop.code != "console"]
    slow = sum((stop.confirmed_at or each.ended_at) - stop.at > CONFIRMED_WITHIN for stop, each in halts)
    if slow:
        yield (
            f"{slow} of {len(halts)} halts were not seen in the store within {CONFIRMED_WITHIN // timedelta(minutes=1)}"
            " minutes: `stagedrollout history` tells what the store said"
        )


def _sooner(releases: tuple[ReleaseReport, ...]) -> Iterator[str]:
    """Overrides that wanted more speed than the policy gives."""
    kinds = (OverrideKind.ADVANCE, OverrideKind.COMPLETE)
    sooner = [each for each in releases if any(one.kind in kinds for one in each.overrides)]
    if _many(len(sooner), len(releases)):
        blind = sum(one.without_evidence for each in sooner for one in each.overrides)
        how = f", {blind} times without evidence" if blind else ""
        yield (
            f"people raised {len(sooner)} of {len(releases)} releases by hand{how}: the policy is slower than the team"
            " wants, or the team is bolder than its policy"
        )


def _many(count: int, of: int) -> bool:
    return count >= COUNT_MIN and count >= SHARE_MIN * of
