"""Everything that somebody can do to a release behind our back, on both stores, and what it is taken for.

One table per store: what we knew of it stands at the left, what one look shows at the top. Besides, what must hold of
every cell, whatever it says: it is noticed at the first look, told with before and after, and respected (promise R10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.case import Decision
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Release,
    ReleaseStatus,
    ReviewState,
    Store,
    StoreRelease,
    StoreState,
)
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Policy
from stagedrollout.core.story import sentence
from stagedrollout.core.wording import notices
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, completed, phased, terms
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HALTED,
    IN_REVIEW,
    KEY,
    NEWER,
    NOON,
    OLDER,
    RELEASE,
    STAGED,
    UNKNOWN,
    decided,
    discovered,
    halted,
    policy,
    shown,
)

PLAY: Mapping[str, tuple[StoreRelease, ...]] = {
    "draft": (shown(DRAFT),),
    "5%": (shown(STAGED, 5),),
    "20%": (shown(STAGED, 20),),
    "halted": (shown(HALTED, 5),),
    "100%": (shown(COMPLETED),),
    "odd": (replace(shown(UNKNOWN, 5), status_word="paused"),),
    "gone": (),
    "newer": (shown(STAGED, 1, release=NEWER),),
}
APPLE: Mapping[str, tuple[StoreRelease, ...]] = {
    "draft": (replace(shown(DRAFT, review=IN_REVIEW), status_word="INACTIVE"),),
    "go1%": (phased(ACTIVE, 1),),
    "go5%": (phased(ACTIVE, 3),),
    "stop1%": (phased(PAUSED, 1),),
    "stop5%": (phased(PAUSED, 3),),
    "100%": (completed("COMPLETE"),),
    "early": (completed("COMPLETE on day 3"),),
    "replaced": (replace(phased(ReleaseStatus.REPLACED, 3), exposure_ppm=0),),
    "removed": (
        replace(phased(ReleaseStatus.WITHDRAWN, 3), status_word="removed from sale", exposure_ppm=0),
    ),
    "odd": (replace(phased(UNKNOWN, 3), status_word="HALTED", exposure_ppm=0),),
    "gone": (),
    "newer": (replace(phased(ACTIVE, 1), release=NEWER),),
}
"""`go`: Apple raises it day by day; `stop`: paused; `early`: completed by hand before Apple's last day."""

TABLES = {
    Store.GOOGLE_PLAY: """
            draft  5%     20%    halted 100%   odd    gone   newer
    draft   .      out    out    halt   out    ask    ask    over
    5%      ask    .      raise  halt   raise  ask    ask    over
    20%     ask    lower  .      halt   raise  ask    ask    over
    halted  ask    resume resume .      resume ask    ask    over
    100%    ask    ask    ask    halt   .      ask    ask    over
    odd     ask    ask    ask    halt   ask    .      ask    over
    """,
    Store.APP_STORE: """
            draft go1%   go5%        stop1% stop5%    100%   early  replaced removed odd gone newer
    draft   .     out    out         halt   halt      out    out    over     removed .   ask  over
    go1%    ask   .      step        halt   step+halt step   raise  over     removed .   ask  over
    go5%    ask   lower  .           halt   halt      step   raise  over     removed .   ask  over
    stop1%  ask   resume step+resume .      step      raise  raise  over     removed .   ask  over
    stop5%  ask   resume resume      halt   .         raise  raise  over     removed .   ask  over
    100%    ask   ask    ask         halt   halt      .      .      over     removed .   ask  over
    early   ask   ask    ask         halt   halt      .      .      over     removed .   ask  over
    removed ask   ask    ask         .      .         resume resume over     .       .   ask  over
    odd     ask   ask    ask         halt   halt      ask    ask    over     removed .   ask  over
    """,
}
PLACES = {Store.GOOGLE_PLAY: PLAY, Store.APP_STORE: APPLE}
WORDS = {
    Drift.UNKNOWN: "ask",
    Drift.HALTED: "halt",
    Drift.LOWERED: "lower",
    Drift.RAISED: "raise",
    Drift.RESUMED: "resume",
    Drift.ROLLED_OUT: "out",
    Drift.WITHDRAWN: "removed",
}


def cells() -> list[tuple[Store, str, str, str]]:
    found = []
    for on, table in TABLES.items():
        head, *rows = [line.split() for line in table.strip().splitlines()]
        assert head == list(PLACES[on]), "every place is in the table"
        found += [
            (on, row[0], after, cell) for row in rows for after, cell in zip(head, row[1:], strict=True)
        ]
    return found


CELLS = cells()
CHANGES = [cell for cell in CELLS if cell[3] != "."]


def test_every_status_is_in_one_of_the_tables() -> None:
    shown_there = {
        found.status for places in PLACES.values() for looked in places.values() for found in looked
    }
    assert shown_there == set(ReleaseStatus)


def rolling(on: Store, before: str) -> Rollout:
    """Steered for two days, and shown like this."""
    (found,) = PLACES[on][before]
    told: tuple[Fact, ...] = (discovered(found=found), facts.Started(ANNA, "go", "standard"), Seen.of(found))
    live: tuple[Fact, ...] = (facts.WentLive(found.exposure_ppm),) if found.live else ()
    key = KEY if on is Store.GOOGLE_PLAY else APPLE_KEY
    rollout = fold(key, tuple((fact, NOON - 2 * DAY) for fact in (*told, *live)))
    assert rollout is not None
    return rollout


def look(rollout: Rollout, *found: StoreRelease, after: timedelta = timedelta(0)) -> tuple[Fact, ...]:
    return learn(rollout, StoreState(found, "f", NOON + after), NOON + after)


def word(fact: Fact) -> str:
    match fact:
        case facts.Drifted():
            return WORDS[fact.meaning]
        case facts.Superseded():
            return "over"
        case facts.Stepped():
            return "step"
        case facts.Returned():
            return "back"
        case _:
            return ""


def decision_after(rollout: Rollout, on: Store, after: str, wait: timedelta) -> Decision:
    """Everything passes; `wait` after the look that showed it."""
    steps: Policy = policy() if on is Store.GOOGLE_PLAY else terms(Pacing.GUARDED)
    shown_then = StoreState(PLACES[on][after], "f", NOON + wait)
    return decided(rollout, look=shown_then, policy=steps, now=NOON + wait)


@pytest.mark.promise("R10")
@pytest.mark.parametrize(("on", "before", "after", "cell"), CELLS)
def test_what_somebody_did_is_understood_at_the_first_look_and_once(
    on: Store, before: str, after: str, cell: str
) -> None:
    rollout = rolling(on, before)
    learned = look(rollout, *PLACES[on][after])
    assert "+".join(filter(None, map(word, learned))) == cell.replace(".", "")
    again = extend(rollout, learned, NOON)
    assert "".join(map(word, look(again, *PLACES[on][after], after=DAY))) == ""


@pytest.mark.parametrize(("on", "before", "after", "cell"), CHANGES)
def test_it_is_told_with_before_and_after(on: Store, before: str, after: str, cell: str) -> None:
    rollout = rolling(on, before)
    learned = look(rollout, *PLACES[on][after])
    (drifted, *_) = [f for f in learned if isinstance(f, facts.Drifted | facts.Superseded)] or [None]
    if drifted is None:
        assert cell == "step"
        return
    assert drifted.before
    assert drifted.after
    words = f"{drifted.before.words} -> {drifted.after.words}"
    assert words in sentence(drifted)
    told = notices(extend(rollout, learned, NOON), learned, NOON)
    assert any(words in each.text for notice in told for each in notice.facts)


@pytest.mark.parametrize(("on", "before", "after", "cell"), CHANGES)
def test_it_shows_in_the_status(on: Store, before: str, after: str, cell: str) -> None:
    rollout = rolling(on, before)
    seen = extend(rollout, look(rollout, *PLACES[on][after]), NOON)
    drifts = {"halt", "lower", "raise", "resume", "out", "ask"}
    if (on, cell) == (Store.APP_STORE, "out"):
        assert "console" not in seen.reason, "Apple puts it out"
    elif drifts & set(cell.split("+")):
        assert "->" in seen.reason
    elif cell in ("over", "removed"):
        assert NEWER.label in seen.reason or "newer version" in seen.reason or "removed" in seen.reason


@pytest.mark.promise("R10")
@pytest.mark.parametrize(("on", "before", "after", "cell"), CHANGES)
def test_nothing_is_raised_over_it_and_it_is_never_pulled_back(
    on: Store, before: str, after: str, cell: str
) -> None:
    """Whatever a person did, evidence that passes neither undoes it at once nor lowers anything."""
    rollout = rolling(on, before)
    seen = extend(rollout, look(rollout, *PLACES[on][after]), NOON)
    decision = decision_after(seen, on, after, timedelta(minutes=15))
    if decision.change is not None:
        assert on is Store.APP_STORE
        assert decision.change.verb.brakes, "at once nothing is raised: a new exposure bakes first"
        assert after.startswith("go"), "and braked is only what Apple would go on raising"
        assert not seen.halt


@pytest.mark.parametrize(("on", "before", "after", "cell"), CHANGES)
def test_weeks_later_the_schedule_has_raised_only_what_a_person_let_go_on(
    on: Store, before: str, after: str, cell: str
) -> None:
    rollout = rolling(on, before)
    seen = extend(rollout, look(rollout, *PLACES[on][after]), NOON)
    decision = decision_after(seen, on, after, 2 * DAY)
    raised = decision.change is not None and not decision.change.verb.brakes
    may = {"raise", "resume", "out", "step"}
    if raised:
        assert set(cell.split("+")) <= may, "halted, lowered, removed, odd or gone: only a person goes on"


@pytest.mark.promise("R9")
@pytest.mark.parametrize("on", list(Store))
@pytest.mark.parametrize("after", ["gone", "odd", "newer"])
def test_a_halt_outlives_whatever_the_store_shows_in_its_place(on: Store, after: str) -> None:
    before = "20%" if on is Store.GOOGLE_PLAY else "go5%"
    stopped = halted(rolling(on, before)) if on is Store.GOOGLE_PLAY else _paused_by_a_person(before)
    seen = extend(stopped, look(stopped, *PLACES[on][after]), NOON)
    assert seen.bad == stopped.halt
    assert decision_after(seen, on, after, 2 * DAY).change is None


def _paused_by_a_person(before: str) -> Rollout:
    rollout = rolling(Store.APP_STORE, before)
    return extend(rollout, look(rollout, *APPLE["stop5%"]), NOON)


# -- what means nothing --------------------------------------------------------------------------------

MEANS_NOTHING: dict[str, tuple[StoreRelease, ...]] = {
    "other notes": (shown(STAGED, 20),),
    "another name": (shown(STAGED, 20, release=Release(RELEASE.id, "Spring!", RELEASE.build)),),
    "a review begins": (shown(STAGED, 20, IN_REVIEW),),
    "a review fails": (shown(STAGED, 20, ReviewState.NOT_APPROVED),),
    "a review is over": (shown(STAGED, 20, ReviewState.NOT_LISTED),),
    "an odd review": (shown(STAGED, 20, ReviewState.UNKNOWN),),
    "an older one is halted": (shown(STAGED, 20), shown(HALTED, 5, release=OLDER)),
    "an older one is completed": (shown(STAGED, 20), shown(COMPLETED, release=OLDER)),
    "a newer draft": (shown(STAGED, 20), shown(DRAFT, release=NEWER)),
}


@pytest.mark.parametrize("change", MEANS_NOTHING)
def test_what_does_not_touch_its_exposure_is_no_drift(change: str) -> None:
    rollout = rolling(Store.GOOGLE_PLAY, "20%")
    learned = look(rollout, *MEANS_NOTHING[change])
    assert not any(map(word, learned))
    seen = extend(rollout, learned, NOON)
    assert (seen.halt, seen.unknown_drift, seen.release) == (None, False, RELEASE)
    assert seen.live_since == rollout.live_since, "its bake goes on"


def test_a_draft_may_be_renamed_and_is_then_asked_about_by_its_new_name() -> None:
    rollout = rolling(Store.GOOGLE_PLAY, "draft")
    named = Release(RELEASE.id, "5.2.0-hotfix", RELEASE.build)
    assert extend(rollout, look(rollout, shown(DRAFT, release=named)), NOON).release == named


def test_a_release_whose_version_codes_were_exchanged_is_another_one() -> None:
    """The same name, a higher code on top: what we steered is no longer what people are offered."""
    rollout = rolling(Store.GOOGLE_PLAY, "20%")
    exchanged = replace(shown(STAGED, 20), release=Release("5021", "5.2.0", "5021"), codes=("5020", "5021"))
    seen = extend(rollout, look(rollout, exchanged), NOON)
    assert seen.superseded_by == "5.2.0 (5021)"


def test_a_release_whose_version_codes_were_exchanged_for_lower_ones_is_asked_about() -> None:
    rollout = rolling(Store.GOOGLE_PLAY, "20%")
    lower = replace(shown(STAGED, 20), release=Release("5019", "5.2.0", "5019"), codes=("5019",))
    seen = extend(rollout, look(rollout, lower), NOON)
    assert seen.unknown_drift
    assert decided(seen, look=StoreState((lower,), "f", NOON)).change is None
