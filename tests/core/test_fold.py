"""A rollout is what its journal says: every fact survives the journal, and folding is all there is (promise R16)."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.codec import decode, encode
from stagedrollout.core.events import Entry, canonical
from stagedrollout.core.facts import KINDS, Drift, Fact, read, written
from stagedrollout.core.fold import apply, begin, extend, fold
from stagedrollout.core.lifecycle import STEPS, Phase, Rollout
from stagedrollout.core.model import CommandVerb, OnNewRelease, Settlement, Verb
from stagedrollout.core.story import sentence
from stagedrollout.core.units import PPM_ALL
from stagedrollout.core.wording import PHASE_WORDS
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    KEY,
    NOON,
    STAGED,
    discovered,
    halted,
    intent,
    not_halted,
    ppm,
    rolling,
    seen,
    settled,
    shown,
    told,
    waiting,
    with_facts,
)

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ANY_TEXT = st.text(max_size=20)


def any_fact(kind: type[Any]) -> st.SearchStrategy[Any]:
    st.register_type_strategy(datetime, INSTANTS)
    st.register_type_strategy(str, ANY_TEXT)
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    return st.from_type(kind)


@pytest.mark.parametrize("word", sorted(KINDS))
def test_every_fact_survives_the_journal(word: str) -> None:
    @settings(max_examples=25)
    @given(any_fact(KINDS[word]), INSTANTS)
    def survives(fact: Fact, at: datetime) -> None:
        entry = written(fact, at)
        assert entry.kind == word
        assert read(Entry(entry.kind, at, json.loads(canonical(entry.body)))) == fact

    survives()


@pytest.mark.parametrize("word", sorted(KINDS))
def test_every_fact_can_be_told_in_one_line(word: str) -> None:
    @settings(max_examples=10)
    @given(any_fact(KINDS[word]))
    def is_told(fact: Fact) -> None:
        assert sentence(fact).strip()

    is_told()


@pytest.mark.promise("R23")
def test_a_fact_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="teleported"):
        read(Entry("teleported", NOON, {}))


def test_a_fact_that_lacks_what_makes_it_one_is_refused() -> None:
    with pytest.raises((TypeError, KeyError, ValueError)):
        read(Entry("drifted", NOON, {"meaning": "halted"}))


def test_a_word_this_version_does_not_know_is_refused_and_not_guessed() -> None:
    body = encode(facts.Drifted(Drift.HALTED, seen(), seen(HALTED)))
    with pytest.raises(ValueError, match="evaporated"):
        read(Entry("drifted", NOON, {**body, "meaning": "evaporated"}))


def test_a_field_that_an_older_version_did_not_write_takes_its_default() -> None:
    body = encode(discovered())
    del body["baseline"]
    assert read(Entry("discovered", NOON, body)).baseline == ()  # type: ignore[union-attr]


def test_the_words_of_the_journal_never_change() -> None:
    """They stand in databases: a renamed class would make every old journal unreadable."""
    assert sorted(KINDS) == [
        "acknowledged",
        "approvals_lapsed",
        "approved",
        "bake_skipped",
        "cleared",
        "closed",
        "commanded",
        "compared",
        "decided",
        "discovered",
        "drifted",
        "held",
        "hold_ended",
        "identified",
        "issues_read",
        "journal_accepted",
        "lapsed",
        "left_alone",
        "line_freed",
        "line_stopped",
        "link_answered",
        "link_held",
        "link_holds",
        "linked",
        "newer_waits",
        "overtaken",
        "pause_warned",
        "policy_set",
        "press_refused",
        "removal_ordered",
        "removal_told",
        "returned",
        "saw_again",
        "seen",
        "set_aside",
        "settled",
        "started",
        "stepped",
        "superseded",
        "suspected",
        "taken_up",
        "terms_set",
        "unlinked",
        "went_blind",
        "went_live",
    ]


def test_an_unknown_field_is_not_mistaken_for_a_known_one() -> None:
    assert decode(facts.WentLive, {"exposure_ppm": 5, "colour": "red"}) == facts.WentLive(5)


# -- folding -----------------------------------------------------------------------------------------

HISTORY: tuple[tuple[Fact, datetime], ...] = (
    (discovered(found=shown(DRAFT)), NOON),
    (seen(DRAFT), NOON),
    (facts.Commanded("c1", CommandVerb.START, ANNA, "go", accepted=True, text="starting"), NOON + HOUR),
    (facts.Started(ANNA, "go", "careful", "c1"), NOON + HOUR),
    (intent(Verb.START, 1), NOON + HOUR),
    (seen(STAGED, 1), NOON + HOUR),
    (settled(verb=Verb.START), NOON + HOUR),
    (facts.WentLive(ppm(1)), NOON + HOUR),
    (facts.WentBlind(("crash_free_sessions",)), NOON + 3 * HOUR),
    (facts.SawAgain(), NOON + 4 * HOUR),
    (facts.Held(ANNA, "lunch", NOON + 6 * HOUR), NOON + 5 * HOUR),
    (facts.HoldEnded("its time has run out"), NOON + 6 * HOUR),
    (facts.Drifted(Drift.HALTED, seen(STAGED, 1), seen(HALTED)), NOON + 7 * HOUR),
    (facts.Superseded("5.3.0"), NOON + 9 * HOUR),
)


@pytest.mark.parametrize("cut", range(1, len(HISTORY)))
def test_folding_at_once_is_folding_bit_by_bit(cut: int) -> None:
    """A restart anywhere goes on where the journal stands."""
    before = fold(KEY, HISTORY[:cut])
    assert before
    for fact, at in HISTORY[cut:]:
        before = extend(before, (fact,), at)
    assert before == fold(KEY, HISTORY)


def test_an_empty_journal_is_no_rollout() -> None:
    assert fold(KEY, ()) is None


def test_a_journal_that_does_not_begin_with_its_discovery_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        begin(KEY, seen(), NOON)


def test_a_release_is_discovered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        apply(rolling(), discovered(), NOON)


def test_what_is_no_fact_cannot_be_folded() -> None:
    with pytest.raises(TypeError):
        apply(rolling(), object(), NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", sorted(set(KINDS) - {"discovered"}))
def test_every_fact_can_be_folded_into_every_rollout(word: str) -> None:
    @settings(max_examples=10)
    @given(
        any_fact(KINDS[word]),
        st.sampled_from([waiting(), rolling(), halted(rolling()), not_halted(rolling())]),
    )
    def folds(fact: Fact, rollout: Rollout) -> None:
        after = apply(rollout, fact, NOON)
        assert after.changed_at == NOON
        assert after.key == rollout.key

    folds()


# -- what the facts mean ---------------------------------------------------------------------------


def test_the_run_begins_on_the_full_hour_in_which_people_first_got_it() -> None:
    at = NOON + timedelta(minutes=40)
    assert with_facts(waiting(found=shown(DRAFT)), facts.WentLive(ppm(1)), at=at).run_since == NOON


def test_the_next_stage_is_the_same_run_but_a_new_bake() -> None:
    later = with_facts(rolling(), facts.WentLive(ppm(50)), at=NOON)
    assert (later.run_since, later.live_since) == (rolling().run_since, NOON)


def test_a_resume_begins_a_new_run_on_the_next_full_hour() -> None:
    at = NOON + timedelta(minutes=1)
    resumed = with_facts(
        halted(rolling()), intent(Verb.RESUME, 10, "r1"), seen(), settled(verb=Verb.RESUME, key="r1"), at=at
    )
    assert (resumed.run_since, resumed.live_since, resumed.halt) == (NOON + HOUR, None, None)


def test_a_resume_of_everyone_is_watched_from_its_publication() -> None:
    whole = halted(rolling(shown(COMPLETED)))
    resumed = with_facts(
        whole,
        intent(Verb.RESUME, 100, "r1"),
        seen(COMPLETED),
        settled(verb=Verb.RESUME, key="r1"),
        facts.WentLive(PPM_ALL),
        at=NOON,
    )
    assert (resumed.phase, resumed.completed_at) == (Phase.COMPLETED, NOON)


def test_a_halt_is_one_halt_however_often_it_is_sent() -> None:
    first = not_halted(rolling())
    again = with_facts(first, intent(Verb.HALT, 10, "h2"), at=NOON)
    assert again.halt == first.halt


def test_a_person_who_orders_a_halt_that_the_machine_wanted_makes_it_theirs() -> None:
    machine = with_facts(rolling(), intent(Verb.HALT, 10, "h1"))
    by_order = with_facts(machine, intent(Verb.HALT, 10, "h2", "c2"), at=NOON)
    assert by_order.halt
    assert by_order.halt.actor == ANNA
    assert machine.halt
    assert by_order.halt.at == machine.halt.at


def test_only_the_newest_intent_can_be_settled() -> None:
    overtaken = with_facts(rolling(), intent(key="i1"), intent(Verb.HALT, 10, "h1"))
    assert with_facts(overtaken, settled(key="i1")).intent == overtaken.intent


def test_an_outcome_in_doubt_leaves_the_intent_open() -> None:
    doubtful = with_facts(rolling(), intent(), settled(Settlement.IN_DOUBT))
    assert doubtful.intent
    assert doubtful.intent.in_doubt


def test_what_one_gate_suspects_stays_suspected_when_another_one_is_cleared() -> None:
    reason = Reason("suspected", "it crashes")
    both = with_facts(rolling(), *(facts.Suspected(gate, 1, NOON, reason) for gate in ("crashes", "reviews")))
    assert [s.gate for s in with_facts(both, facts.Cleared("crashes")).suspicions] == ["reviews"]


def test_orders_are_remembered_so_that_none_is_carried_out_twice() -> None:
    rollout = rolling()
    for n in range(25):
        said = facts.Commanded(f"c{n}", CommandVerb.HOLD, ANNA, "x", accepted=True, text="held")
        rollout = with_facts(rollout, said)
    assert rollout.taken == tuple(f"c{n}" for n in range(5, 25))


def test_a_halted_release_whose_share_the_store_forgets_is_remembered() -> None:
    assert halted(rolling()).exposure_ppm == ppm(10)


PHASES: dict[Phase, Rollout] = {
    Phase.WAITING: waiting(),
    Phase.WAITING_FOR_REVIEW: told(discovered(), facts.Started(ANNA, "go", "", "c1"), start=NOON),
    Phase.ROLLING_OUT: rolling(),
    Phase.HELD: with_facts(rolling(), facts.Held(ANNA, "x", None)),
    Phase.HALTED: halted(rolling()),
    Phase.NOT_HALTED: not_halted(rolling()),
    Phase.COMPLETED: rolling(shown(COMPLETED)),
    Phase.SUPERSEDED: with_facts(rolling(), facts.Superseded("5.3.0")),
}


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_can_be_reached_and_has_words_and_steps(phase: Phase) -> None:
    assert PHASES[phase].phase is phase
    assert PHASE_WORDS[phase]
    assert phase in STEPS


def test_what_is_superseded_stays_so_unless_it_comes_back() -> None:
    assert not {Phase.HALTED, Phase.COMPLETED} & set(STEPS[Phase.SUPERSEDED])
    assert all("comes back" in words for words in STEPS[Phase.SUPERSEDED].values())
    assert all(Phase.SUPERSEDED in after for before, after in STEPS.items() if before is not Phase.SUPERSEDED)


def test_an_ignored_release_is_no_longer_ignored_once_a_person_cares() -> None:
    ignored = waiting(OnNewRelease.IGNORE)
    assert ignored.ignored
    assert not with_facts(ignored, facts.Started(ANNA, "go", "", "c1")).ignored
    assert not not_halted(ignored).ignored


def test_the_reason_is_one_sentence_for_people() -> None:
    assert "5.3.0" in PHASES[Phase.SUPERSEDED].reason
    assert PHASES[Phase.NOT_HALTED].reason.startswith("NOT HALTED")
    assert "anna" in PHASES[Phase.HALTED].reason


def test_a_fact_once_written_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        seen().exposure_ppm = 5  # type: ignore[misc]
