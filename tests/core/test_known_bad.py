"""Known bad: what was halted for a cause is not started again unless a person says so, however it comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Decision
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import DecisionKind, Drift, Fact, Seen
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import (
    DAEMON,
    SOMEBODY,
    CommandVerb,
    OnNewRelease,
    Release,
    ReleaseStatus,
    RolloutKey,
    Settlement,
    Store,
    StoreRelease,
    Verb,
)
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.reading_back import STALE_READ
from stagedrollout.core.story import sentence
from stagedrollout.core.wording import notices
from tests.core.apple import terms
from tests.core.builders import (
    COMPLETED,
    DAY,
    DRAFT,
    HALTED,
    HOUR,
    KEY,
    NEWER,
    NOON,
    PUBLISHED,
    RELEASE,
    STAGED,
    answer,
    code,
    decided,
    halted,
    intent,
    not_halted,
    only,
    order,
    rolling,
    settled,
    shown,
    store,
    told,
    waiting,
    with_facts,
)

START, RESUME = CommandVerb.START, CommandVerb.RESUME
BACK = shown(STAGED, 5)
OUT = shown(STAGED, 1, release=NEWER)


def look(rollout: Rollout, *found: StoreRelease, at: timedelta = HOUR) -> tuple[Rollout, tuple[Fact, ...]]:
    """A look at the store so long after noon."""
    learned = learn(rollout, store(*found, at=NOON + at), NOON + at)
    return extend(rollout, learned, NOON + at), learned


def adopted() -> Rollout:
    """Adopted by the app two days ago, at 10 %."""
    return replace(rolling(), choice=OnNewRelease.ADOPT)


def by_console() -> Rollout:
    return look(adopted(), shown(HALTED, 10), at=-HOUR)[0]


def by_command() -> Rollout:
    return halted(adopted())


def by_the_machine() -> Rollout:
    """Halted by a FAIL, and read back."""
    rollout = adopted()
    failing = replace(intent(Verb.HALT, 10, "h1"), actor=DAEMON)
    return with_facts(rollout, failing, Seen.of(shown(HALTED)), settled(verb=Verb.HALT, key="h1"))


HALTS = {"the console": by_console, "a command": by_command, "the machine": by_the_machine}


def superseded(rollout: Rollout) -> Rollout:
    return look(rollout, OUT)[0]


def vanished(rollout: Rollout) -> Rollout:
    return look(rollout)[0]


def decide_of(
    rollout: Rollout, found: StoreRelease, *, verdict: Verdict = Verdict.PASS, **terms: object
) -> Decision:
    return decided(rollout, verdict, look=store(found), **terms)


# -- every way back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", HALTS)
@pytest.mark.parametrize("away", [superseded, vanished])
@pytest.mark.parametrize("back", [BACK, shown(DRAFT)], ids=["rolled out", "a draft"])
def test_a_halted_release_that_comes_back_is_not_taken_up_and_not_raised(by, away, back) -> None:  # type: ignore[no-untyped-def]
    rollout = HALTS[by]()
    why = rollout.halt
    assert why
    rollout, learned = look(away(rollout), back, at=2 * HOUR)
    assert only(facts.Returned, learned).after == Seen.of(back)
    assert (rollout.phase, rollout.known_bad, rollout.steered) == (Phase.WAITING, why, False)
    decision = decide_of(rollout, back, now=NOON + 3 * DAY)
    assert (decision.kind, code(decision), decision.change, decision.also) == (
        DecisionKind.HOLD, "known_bad", None, (),
    )  # fmt: skip
    assert why.words in decision.reasons[0].text


@pytest.mark.parametrize("verb", [CommandVerb.ADVANCE, CommandVerb.COMPLETE, RESUME, START])
def test_no_order_raises_it_but_a_start_that_says_it_knows(verb: CommandVerb) -> None:
    rollout, _ = look(superseded(by_command()), BACK, at=2 * HOUR)
    assert decide_of(rollout, BACK, command=order(verb, without_evidence=True, supersede=True)).change is None


@pytest.mark.parametrize("back", [BACK, shown(DRAFT)], ids=["rolled out", "a draft"])
def test_a_person_who_knows_starts_it_and_that_stands_in_the_journal_and_in_slack(back: StoreRelease) -> None:
    rollout, _ = look(superseded(by_command()), back, at=2 * HOUR)
    refused = decide_of(rollout, back, command=order(START))
    assert code(refused) == "known_bad"
    assert "halted by anna" in answer(refused).text
    assert "--known-bad" in answer(refused).text
    started = decide_of(rollout, back, command=order(START, known_bad=True))
    fact = only(facts.Started, started.also)
    assert "halted by anna" in fact.known_bad
    assert "known bad" in answer(started).text
    assert "halted by anna" in sentence(fact)
    after = extend(rollout, started.also, NOON + 2 * HOUR)
    assert (after.known_bad, after.steered) == (None, True)
    (notice,) = [n for n in notices(after, started.also, NOON) if n.kind == "started"]
    assert notice.broadcast
    assert any("halted by anna" in each.text for each in notice.facts)


def test_a_start_that_the_store_did_not_take_needs_no_second_confession_but_a_person() -> None:
    """The person has said it; and without another order nothing is started anyhow."""
    rollout, _ = look(superseded(by_command()), shown(DRAFT), at=2 * HOUR)
    started = decide_of(rollout, shown(DRAFT), command=order(START, known_bad=True))
    after = extend(rollout, (*started.also, intent(Verb.START, 1, "s1")), NOON + 2 * HOUR)
    failed = extend(after, (settled(Settlement.REFUSED, Verb.START, "s1"),), NOON + 2 * HOUR)
    assert not failed.steered
    assert decide_of(failed, shown(DRAFT)).change is None


@pytest.mark.parametrize("by", HALTS)
def test_who_says_that_it_may_go_on_takes_the_halt_back(by: str) -> None:
    rollout, _ = look(HALTS[by](), shown(STAGED, 10))
    assert rollout.bad is None, "resumed in the console, where it stood"
    resumed = with_facts(
        HALTS[by](), intent(Verb.RESUME, 10, "r1"), Seen.of(shown()), settled(verb=Verb.RESUME, key="r1")
    )
    assert resumed.bad is None
    gone, _ = look(superseded(resumed), BACK, at=2 * HOUR)
    assert gone.known_bad is None
    assert decide_of(gone, BACK).also, "adopted anew"


def test_it_is_watched_and_halted_when_it_fails_again() -> None:
    rollout, _ = look(superseded(by_command()), BACK, at=2 * HOUR)
    decision = decide_of(rollout, BACK, verdict=Verdict.FAIL)
    assert decision.change
    assert decision.change.verb is Verb.HALT


def test_a_halt_that_was_never_seen_is_wanted_again_when_it_comes_back() -> None:
    wanted = replace(not_halted(rolling()), choice=OnNewRelease.ADOPT)
    over = extend(wanted, (facts.Superseded(NEWER.label),), NOON)
    rollout, _ = look(over, BACK)
    assert rollout.phase is Phase.NOT_HALTED
    decision = decide_of(rollout, BACK)
    assert decision.change
    assert decision.change.verb is Verb.HALT


# -- and what is none ----------------------------------------------------------------------------------


def test_a_release_that_was_only_superseded_begins_anew() -> None:
    rollout, learned = look(superseded(adopted()), BACK, at=2 * HOUR)
    assert only(facts.Returned, learned)
    assert (rollout.phase, rollout.known_bad) == (Phase.WAITING, None)
    assert only(facts.Started, decide_of(rollout, BACK).also).actor.name == "stagedrollout"


def test_an_ignored_release_that_is_back_is_told_to_nobody() -> None:
    ignored = with_facts(waiting(OnNewRelease.IGNORE, shown(DRAFT)), facts.Superseded(NEWER.label))
    back, learned = look(ignored, shown(DRAFT), at=2 * HOUR)
    assert only(facts.Returned, learned)
    assert notices(back, learned, NOON + 2 * HOUR) == ()


def test_a_halted_release_that_one_look_did_not_list_is_halted_still() -> None:
    paused = shown(ReleaseStatus.PAUSED, 5)
    world = replace(adopted(), key=replace(KEY, store=Store.APP_STORE))
    stopped, _ = look(world, paused, at=-HOUR)
    assert stopped.phase is Phase.HALTED
    again, learned = look(vanished(stopped), paused, at=2 * HOUR)
    assert not any(isinstance(fact, facts.Returned) for fact in learned)
    assert (again.halt, again.phase, again.steered) == (stopped.halt, Phase.HALTED, True)


@pytest.mark.parametrize("pacing", Pacing)
def test_on_the_app_store_a_known_bad_release_that_is_back_is_paused_until_a_person_says_go_on(
    pacing: Pacing,
) -> None:
    back, _ = look(superseded(by_command()), BACK, at=2 * HOUR)
    back = replace(back, key=replace(KEY, store=Store.APP_STORE))
    decision = decide_of(back, BACK, policy=terms(pacing))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "known_bad")
    assert decision.change
    assert decision.change.verb is Verb.PAUSE, "on the App Store silence raises"
    ignored = replace(back, choice=OnNewRelease.IGNORE)
    assert decide_of(ignored, BACK, policy=terms(pacing)).change is None


def test_a_look_that_lags_brings_nothing_back() -> None:
    rollout = superseded(by_command())
    assert look(rollout, BACK, at=HOUR + STALE_READ - timedelta(seconds=1))[1] == ()
    assert look(halted(adopted(), at=NOON), shown(DRAFT), at=timedelta(minutes=9))[1] == ()


@pytest.mark.parametrize("found", [(OUT, shown(HALTED, 10)), (OUT, BACK), (shown(COMPLETED),), ()])
def test_what_lies_beside_its_successor_is_not_back(found: tuple[StoreRelease, ...]) -> None:
    assert look(superseded(by_command()), *found, at=2 * HOUR)[1] == ()


def test_a_release_that_a_person_halts_after_its_watch_is_halted_and_known_bad() -> None:
    over = with_facts(rolling(shown(COMPLETED)), facts.Closed(), at=NOON - HOUR)
    rollout, _ = look(over, shown(HALTED, 0))
    assert rollout.halt
    assert (rollout.halt.actor, rollout.phase, rollout.finished) == (SOMEBODY, Phase.HALTED, False)


@pytest.mark.parametrize("found", [BACK, shown(DRAFT)], ids=["staged", "a draft"])
def test_a_release_that_somebody_takes_away_from_everyone_after_its_watch_is_asked_about(
    found: StoreRelease,
) -> None:
    over = with_facts(rolling(shown(COMPLETED)), facts.Closed(), at=NOON - HOUR)
    rollout, _ = look(over, found)
    assert (rollout.finished, rollout.unknown_drift) == (False, True)
    assert decide_of(rollout, found, now=NOON + 3 * DAY).change is None


def test_a_release_that_everyone_has_and_that_reads_active_was_taken_from_nobody() -> None:
    over = with_facts(rolling(shown(COMPLETED)), facts.Closed())
    assert look(over, shown(STAGED, 100), at=DAY)[1] == ()


def test_a_release_on_another_track_is_another_rollout_of_the_same_program() -> None:
    on_beta = replace(shown(HALTED, 10), track="beta")
    rollout, _ = look(halted(adopted()), on_beta)
    assert rollout.halt
    moved = replace(BACK, track="production")
    rollout, learned = look(rollout, moved, at=2 * HOUR)
    assert only(facts.Returned, learned)
    assert (rollout.halt, code(decide_of(rollout, moved))) == (None, "known_bad")


def test_a_track_that_an_old_journal_does_not_name_is_no_other_track() -> None:
    assert look(adopted(), replace(shown(), track="production"))[0].steered


# -- the same code in another release ------------------------------------------------------------------

BUNDLE = replace(BACK, release=NEWER, codes=(RELEASE.id, NEWER.id))


def bundle(choice: OnNewRelease = OnNewRelease.ADOPT) -> Rollout:
    new = waiting(choice, BUNDLE)
    return replace(new, release=NEWER, key=RolloutKey(KEY.app, KEY.store, NEWER.id))


def test_a_release_that_ships_a_bad_version_code_is_known_bad_as_well() -> None:
    bad = superseded(by_command())
    decision = decided(bundle(), look=store(BUNDLE), others=(bad,))
    assert (code(decision), decision.also) == ("known_bad", ())
    assert "5.2.0 (5020) was halted by anna" in decision.reasons[0].text
    refused = decided(bundle(), look=store(BUNDLE), others=(bad,), command=order(START))
    assert code(refused) == "known_bad"
    started = decided(bundle(), look=store(BUNDLE), others=(bad,), command=order(START, known_bad=True))
    assert only(facts.Started, started.also).known_bad


@pytest.mark.parametrize("version", ["5.2.0", "5.3.0"])
def test_another_build_is_a_repair_also_of_the_same_version(version: str) -> None:
    repair = replace(BUNDLE, release=Release(NEWER.id, version, NEWER.id), codes=(NEWER.id,))
    decision = decided(bundle(), look=store(repair), others=(superseded(by_command()),))
    assert only(facts.Started, decision.also)


# -- told ----------------------------------------------------------------------------------------------


def test_the_notice_names_the_halt_and_the_way_on() -> None:
    before = superseded(by_command())
    rollout, learned = look(before, BACK, at=2 * HOUR)
    (notice,) = [n for n in notices(rollout, learned, NOON) if "KNOWN BAD" in n.headline]
    words = "\n".join(each.text for each in notice.facts)
    assert "halted -> in_progress at 5 %" in words or "halted at 10 % -> in_progress at 5 %" in words
    assert "halted by anna" in words
    assert "--known-bad" in words
    assert notice.broadcast


def test_the_status_names_the_halt() -> None:
    rollout, _ = look(superseded(by_command()), BACK, at=2 * HOUR)
    assert "known bad: halted by anna on 2026-03-02 11:00 UTC" in rollout.reason
    assert "known bad" in superseded(by_command()).reason


def test_the_journal_alone_tells_that_it_is_bad() -> None:
    """Nothing but the facts is needed: the same ones, folded from the beginning, say the same."""
    first = (
        facts.Discovered(RELEASE, "standard", OnNewRelease.ADOPT, STAGED, PUBLISHED, 100_000),
        Seen.of(shown()),
    )
    rollout = told(*first, start=NOON - 2 * DAY)
    history: list[tuple[Fact, object]] = [(fact, NOON - 2 * DAY) for fact in first]
    for at, found in ((HOUR, (shown(HALTED, 10),)), (2 * HOUR, ()), (3 * HOUR, (BACK,))):
        rollout, learned = look(rollout, *found, at=at)
        history += [(fact, NOON + at) for fact in learned]
    assert rollout.known_bad
    assert told(*history, start=NOON) == rollout  # type: ignore[arg-type]


def test_a_drift_that_was_found_with_it_counts() -> None:
    found = told(*(facts.Discovered(RELEASE, "s", OnNewRelease.ADOPT, HALTED, PUBLISHED, 0), Seen.of(shown(HALTED)), facts.Drifted(Drift.HALTED, Seen.of(shown(HALTED)), Seen.of(shown(HALTED)))), start=NOON - DAY)  # fmt: skip
    rollout, _ = look(vanished(found), BACK, at=2 * HOUR)
    assert rollout.known_bad
