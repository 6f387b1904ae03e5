"""What people are told: which facts are worth a message, once each, in words that pass on what they were given."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core import facts, news
from stagedrollout.core.assessment import Reason, Verdict
from stagedrollout.core.facts import DecisionKind, Drift, Fact
from stagedrollout.core.issue import Issue, NewIssues
from stagedrollout.core.judgement import NOT_HALTED
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import (
    Actor,
    ActorKind,
    CommandVerb,
    Mode,
    OnNewRelease,
    Outcome,
    ReviewState,
    Settlement,
    Store,
    Verb,
)
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.core.telling import console_hint, override
from stagedrollout.core.wording import board, notices
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    NOON,
    STAGED,
    code,
    decided,
    discovered,
    halted,
    intent,
    judged,
    not_halted,
    rolling,
    seen,
    settled,
    shown,
    store,
    unread,
    waiting,
    with_facts,
)

MINUTE = timedelta(minutes=1)


def tell(rollout: Rollout, *fresh: Fact, at: object = NOON) -> tuple[Notice, ...]:
    after = with_facts(rollout, *fresh, at=at)  # type: ignore[arg-type]
    return notices(after, fresh, at)  # type: ignore[arg-type]


def kinds(told: tuple[Notice, ...]) -> list[NoticeKind]:
    return [notice.kind for notice in told]


def whole(notice: Notice) -> str:
    return "\n".join(
        [notice.headline, *(f"{fact.name}: {fact.text}" for fact in notice.facts), notice.footer]
    )


# -- what is told and what is not ------------------------------------------------------------------


@pytest.mark.parametrize(
    "trivial",
    [
        facts.Suspected("crash_free_sessions", 1, NOON, Reason("suspected", "hm")),
        facts.Cleared("crash_free_sessions"),
        facts.WentBlind(("crash_free_sessions",)),
        facts.SawAgain(),
        facts.Closed(),
        facts.Held(ANNA, "lunch", None),
        seen(STAGED, 20),
        facts.Decided(DecisionKind.WAIT, (Reason("bake", "bakes"),), ANNA),
        intent(),
        settled(Settlement.PREEMPTED),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_nobody_needs_to_know_is_not_told(trivial: Fact) -> None:
    assert tell(with_facts(rolling(), intent(percent=20)), trivial) == ()


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESUME])
def test_a_start_that_came_to_nothing_for_another_reason_than_a_halt_has_to_be_ordered_again(
    verb: Verb,
) -> None:
    """The other store was halted before it was sent, or the clocks disagreed: nothing else would tell the person."""
    preempted = settled(Settlement.PREEMPTED, verb)
    (notice,) = tell(with_facts(rolling(), intent(verb)), preempted)
    assert "order it again" in notice.headline
    assert tell(with_facts(halted(rolling()), intent(verb)), preempted) == ()


def test_a_new_release_is_announced_with_the_command_that_starts_it() -> None:
    (notice,) = notices(waiting(), (discovered(),), NOON)
    assert (notice.kind, notice.broadcast) == (NoticeKind.NEW_RELEASE, True)
    assert "stagedrollout start shop --store google_play --release 5020" in whole(notice)


@pytest.mark.parametrize("choice", [OnNewRelease.ADOPT, OnNewRelease.IGNORE])
def test_a_release_that_is_adopted_or_ignored_asks_nobody_to_start_it(choice: OnNewRelease) -> None:
    assert notices(waiting(choice), (discovered(choice),), NOON) == ()


@pytest.mark.parametrize(
    ("review", "told"),
    [
        (ReviewState.NOT_APPROVED, True),
        (ReviewState.NOT_SENT_FOR_REVIEW, True),
        (ReviewState.APPROVED_NOT_PUBLISHED, True),
        (ReviewState.IN_REVIEW, False),
        (ReviewState.PUBLISHED, False),
    ],
)
def test_a_review_that_needs_a_person_calls_one(review: ReviewState, told: bool) -> None:
    assert bool(tell(rolling(), seen(STAGED, 10, review))) is told


def test_a_raise_is_told_once_with_what_it_stood_on() -> None:
    rollout = rolling()
    rollout = with_facts(rollout, *news.of_decision(rollout, decided(rollout), "f1"))
    assert rollout.intent
    outcome = Outcome(Settlement.CONFIRMED, "read back", store(shown(STAGED, 50)))
    fresh = news.of_outcome(rollout, rollout.intent.key, outcome)
    (notice,) = notices(with_facts(rollout, *fresh), fresh, NOON)
    assert notice.kind is NoticeKind.RAISED
    assert "raised to 50 %" in notice.headline
    assert any("PASS" in fact.text for fact in notice.facts)


@pytest.mark.parametrize(
    ("verb", "found", "kind", "words"),
    [
        (Verb.START, shown(STAGED, 1), NoticeKind.RAISED, "started at 1 %"),
        (Verb.RESUME, shown(STAGED, 10), NoticeKind.RESUMED, "resumed at 10 %"),
        (Verb.COMPLETE, shown(COMPLETED), NoticeKind.COMPLETED, "100 %"),
    ],
)
def test_what_was_brought_about_is_told_by_its_name(
    verb: Verb, found: object, kind: NoticeKind, words: str
) -> None:
    percent = found.exposure_ppm / 10_000  # type: ignore[attr-defined]
    rollout = with_facts(rolling(), intent(verb, percent))
    told = tell(rollout, seen(found.status, percent), settled(verb=verb))  # type: ignore[attr-defined]
    assert kinds(told) == [kind]
    assert words in told[0].headline


@pytest.mark.parametrize("meaning", list(Drift))
def test_whatever_people_do_in_the_console_is_broadcast_with_the_way_on(meaning: Drift) -> None:
    (notice,) = tell(rolling(), facts.Drifted(meaning, seen(), seen(STAGED, 5)))
    assert (notice.kind, notice.broadcast) == (NoticeKind.DRIFT, True)
    stopped = meaning in (Drift.HALTED, Drift.LOWERED, Drift.UNKNOWN)
    assert ("stagedrollout resume" in whole(notice)) is stopped, "who went on needs no way to go on"


def test_a_refusal_of_the_store_is_broadcast_in_its_own_words() -> None:
    (notice,) = tell(with_facts(rolling(), intent()), settled(Settlement.REFUSED))
    assert (notice.kind, notice.broadcast) == (NoticeKind.REFUSED, True)
    assert "so it went" in whole(notice)


def test_every_order_is_told_with_who_gave_it_and_what_came_of_it() -> None:
    said = facts.Commanded("c1", CommandVerb.ADVANCE, ANNA, "launch party", accepted=False, text="frozen")
    (notice,) = tell(rolling(), said)
    assert "REFUSED" in notice.headline
    assert all(word in whole(notice) for word in ("advance", "anna", "launch party", "frozen"))


# -- halts -----------------------------------------------------------------------------------------


def machine_halt() -> tuple[Rollout, facts.Decided]:
    rollout = rolling()
    fresh = news.of_decision(rollout, decided(rollout, assessment=judged(Verdict.FAIL)), "f1")
    assert isinstance(fresh[-1], facts.Decided)
    return with_facts(rollout, *fresh), fresh[-1]


def test_a_halt_is_broadcast_when_the_store_shows_it_with_reason_store_and_override() -> None:
    rollout, decision = machine_halt()
    told = tell(rollout, seen(HALTED), settled(verb=Verb.HALT, key=decision.intent))
    assert kinds(told) == [NoticeKind.HALTED]
    assert told[0].broadcast
    text = whole(told[0])
    for word in ("HALTED at 10 %", "says FAIL", "reads halted", "stagedrollout resume"):
        assert word in text


def everything_told(rollout: Rollout, *batches: tuple[Fact, ...]) -> list[Notice]:
    """What people get to read, a minute between the batches: a key is told once."""
    told: dict[str, Notice] = {}
    for n, batch in enumerate(batches):
        at = NOON + n * MINUTE
        rollout = with_facts(rollout, *batch, at=at)
        for notice in notices(rollout, batch, at):
            told.setdefault(notice.key, notice)
    return list(told.values())


def test_a_halt_that_needs_three_attempts_is_one_alarm_and_one_halt() -> None:
    rollout, decision = machine_halt()
    again = [intent(Verb.HALT, 10, key) for key in ("h2", "h3")]
    told = everything_told(
        rollout,
        (settled(Settlement.REFUSED, Verb.HALT, decision.intent),),
        (again[0],),
        (settled(Settlement.IN_DOUBT, Verb.HALT, "h2"),),
        (again[1],),
        (seen(HALTED), settled(verb=Verb.HALT, key="h3")),
        (seen(HALTED, 0, ReviewState.NOT_LISTED),),
    )
    assert [notice.kind for notice in told] == [NoticeKind.NOT_HALTED, NoticeKind.HALTED]
    assert all(notice.broadcast for notice in told)
    assert console_hint(Store.GOOGLE_PLAY) in whole(told[0])


def test_a_halt_that_comes_true_between_two_attempts_is_told_too() -> None:
    """The store refused ours and a person pressed the button: people must read that it is halted now."""
    rollout, decision = machine_halt()
    told = everything_told(
        rollout,
        (settled(Settlement.REFUSED, Verb.HALT, decision.intent),),
        (seen(HALTED),),
    )
    assert [notice.kind for notice in told] == [NoticeKind.NOT_HALTED, NoticeKind.HALTED]


def test_attempts_of_a_replica_that_was_cut_off_are_no_alarm_once_another_one_has_halted_it() -> None:
    """What it could not write down meanwhile it writes down late; until then the halt was never NOT HALTED here."""
    rollout, decision = machine_halt()
    again = replace(
        intent(Verb.HALT, 10, "h2"),
        decision=DecisionKind.HALT,
        reasons=(Reason(NOT_HALTED, "not yet"),),
    )
    told = everything_told(
        rollout,
        (seen(HALTED), settled(verb=Verb.HALT, key=decision.intent)),
        (again,),
        (settled(Settlement.IN_DOUBT, Verb.HALT, "h2"),),
        (seen(HALTED), settled(verb=Verb.HALT, key="h2")),
    )
    assert [notice.kind for notice in told] == [NoticeKind.HALTED]


def test_a_second_halt_after_a_resume_is_a_second_broadcast() -> None:
    told = everything_told(
        rolling(),
        (intent(Verb.HALT, 10, "h1"), seen(HALTED), settled(verb=Verb.HALT, key="h1")),
        (intent(Verb.RESUME, 10, "r1"), seen(), settled(verb=Verb.RESUME, key="r1")),
        (intent(Verb.HALT, 10, "h2"), seen(HALTED), settled(verb=Verb.HALT, key="h2")),
    )
    assert [notice.kind for notice in told] == [NoticeKind.HALTED, NoticeKind.RESUMED, NoticeKind.HALTED]


@pytest.mark.parametrize("known", [True, False])
def test_a_newer_release_that_cuts_off_a_halt_is_news_for_everyone(known: bool) -> None:
    """Killed between the store's answer and ours: that it was to be halted has been told to nobody."""
    rollout, decision = machine_halt()
    if known:
        rollout = with_facts(rollout, seen(HALTED), settled(verb=Verb.HALT, key=decision.intent))
    (told,) = tell(rollout, facts.Superseded("6.2.0"))
    assert told.broadcast is not known
    assert ("It was being halted" in whole(told)) is not known


def test_a_halt_in_the_console_is_told_as_what_it_is() -> None:
    drifted = facts.Drifted(Drift.HALTED, seen(), seen(HALTED))
    assert kinds(tell(rolling(), seen(HALTED), drifted)) == [NoticeKind.DRIFT]


def test_mode_observe_tells_of_a_failing_release_once_a_day() -> None:
    rollout = rolling()
    decision = decided(rollout, Verdict.FAIL, mode=Mode.OBSERVE)
    fresh = news.of_decision(rollout, decision, "f1")
    (notice,) = tell(rollout, *fresh)
    assert (notice.kind, notice.broadcast) == (NoticeKind.FAILING, True)
    assert tell(rollout, *fresh, at=NOON + HOUR)[0].key == notice.key
    assert tell(rollout, *fresh, at=NOON + 24 * HOUR)[0].key != notice.key


# -- keys ------------------------------------------------------------------------------------------


def test_the_same_facts_told_again_have_the_same_keys() -> None:
    drifted = facts.Drifted(Drift.HALTED, seen(), seen(HALTED))
    assert tell(rolling(), drifted) == tell(rolling(), drifted)


def test_two_raises_at_the_same_instant_are_two_notices() -> None:
    """Two orders in one minute of an emulated clock that stands still."""
    first = with_facts(rolling(), intent(percent=50, key="i1"))
    second = with_facts(first, seen(STAGED, 50), settled(key="i1"), intent(percent=60, key="i2"), at=NOON)
    told = (
        *tell(first, seen(STAGED, 50), settled(key="i1"), facts.WentLive(500_000)),
        *tell(second, seen(STAGED, 60), settled(key="i2"), facts.WentLive(600_000)),
    )
    assert len({notice.key for notice in told}) == len(told) == 2


def test_keys_tell_rollouts_and_kinds_apart() -> None:
    drifted = facts.Drifted(Drift.HALTED, seen(), seen(HALTED))
    (notice,) = tell(rolling(), drifted)
    assert notice.key.startswith("shop/google_play/5020/drift/")


# -- text from outside -----------------------------------------------------------------------------

HOSTILE = [
    "<!channel> & <script>",
    "{0} %s {name}",
    "\u202eright to left",
    "line\nbreak",
    "`code` *bold*",
    "ü" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_passed_on_as_it_is(text: str) -> None:
    """Escaping is the business of whoever renders it; here nothing is interpreted, cut or lost."""
    who = Actor(ActorKind.HUMAN, text)
    said = facts.Commanded("c1", CommandVerb.HOLD, who, text, accepted=True, text=text)
    (notice,) = tell(rolling(), said)
    assert whole(notice).count(text) == 3
    (refused,) = tell(
        with_facts(rolling(), intent()), facts.Settled("i1", Verb.RAISE, Settlement.REFUSED, text)
    )
    assert text in whole(refused)


@settings(max_examples=50)
@given(st.text(max_size=30))
def test_no_text_breaks_the_board(text: str) -> None:
    held = with_facts(rolling(), facts.Decided(DecisionKind.HOLD, (Reason("x", text),), ANNA))
    assert text in board(held).facts[-1].text or not text


def test_the_board_says_where_it_stands_in_one_line() -> None:
    assert board(halted(rolling())).headline == "shop on Google Play 5.2.0 (5020): HALTED"
    told = {fact.name: fact.text for fact in board(not_halted(rolling())).facts}
    assert told["State"] == "NOT HALTED"
    assert told["Exposure"] == "10 %"


def test_every_store_has_a_way_to_stop_by_hand() -> None:
    assert all(console_hint(each) for each in Store)
    assert override(rolling(), "halt") == (
        'stagedrollout halt shop --store google_play --release 5020 --reason "..."'
    )


def test_a_store_that_turns_us_away_is_said_aloud_once_a_day_and_not_only_in_the_thread() -> None:
    turned_away = replace(unread("the Account Holder must sign"), denied=True)
    decision = decided(rolling(), look=turned_away)
    assert code(decision) == "store_denied"
    fact = facts.Decided(decision.kind, decision.reasons, decision.actor)
    (notice,) = tell(rolling(), fact)
    assert (notice.kind, notice.broadcast) == (NoticeKind.HELD, True)
    assert "a person must mend that: the Account Holder must sign" in whole(notice)
    assert tell(rolling(), fact, at=NOON + MINUTE)[0].key == notice.key


@pytest.mark.parametrize(
    ("off", "going", "words"),
    [
        (175, 0, "is off sale everywhere"),
        (174, 1, "NOT OFF SALE everywhere"),
        (0, 0, "NOT OFF SALE everywhere"),
    ],
)
def test_a_removal_from_sale_is_told_as_what_was_read_back(off: int, going: int, words: str) -> None:
    (before,) = tell(rolling(), facts.RemovalOrdered(ANNA, "it eats data"))
    (after,) = tell(rolling(), facts.RemovalTold(ANNA, 175, off, going, "details"))
    assert "takes the app off sale everywhere" in before.headline
    assert "over for good" in whole(before)
    assert words in after.headline
    assert (before.broadcast, after.broadcast) == (True, True)


def test_a_removal_that_could_not_be_read_back_is_not_told_as_one() -> None:
    (notice,) = tell(rolling(), facts.RemovalTold(ANNA, 0, 0, 0, "no answer"))
    assert "NOT OFF SALE" in notice.headline


def test_what_waits_for_a_person_is_held_on_the_board_too() -> None:
    assert code(decided(rolling(), look=unread())) == "store_unread"
    assert waiting(found=shown(DRAFT)).phase is Phase.WAITING


# -- new issues ------------------------------------------------------------------------------------

CRASHES = (
    Issue("SHOP-1F", "NullPointerException: onCreate", 311, 1_024, "https://acme.sentry.io/issues/1/"),
    Issue("SHOP-20", "it broke"),
)


def test_what_crashed_is_told_below_the_halt_with_people_events_and_a_link() -> None:
    rollout = not_halted(rolling())
    (notice,) = tell(rollout, facts.IssuesRead(NewIssues("sentry", CRASHES)))
    assert (notice.kind, notice.broadcast) == (NoticeKind.NEW_ISSUES, False)
    assert notice.headline.endswith("2 new crashes first seen in it")
    first, second = notice.facts
    assert first.text == "NullPointerException: onCreate (311 users, 1,024 events)"
    assert first.link == "https://acme.sentry.io/issues/1/"
    assert second.text == "it broke"


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (facts.IssuesRead(NewIssues("sentry", ())), "no new crash was first seen in it"),
        (
            facts.IssuesRead(NewIssues("sentry", ()), "sentry: read new issues: Denied"),
            "new issues could not be read: sentry: read new issues: Denied",
        ),
        (facts.IssuesRead(NewIssues("sentry", CRASHES, more=True)), "there are more"),
        (facts.IssuesRead(NewIssues("sentry", CRASHES[:1])), "1 new crash first seen in it"),
    ],
)
def test_that_nothing_was_found_or_could_be_read_is_told_in_a_line(
    read: facts.IssuesRead, words: str
) -> None:
    (notice,) = tell(not_halted(rolling()), read)
    assert words in notice.headline


def test_what_crashed_in_a_release_that_is_only_suspected_is_not_told() -> None:
    assert tell(rolling(), facts.IssuesRead(NewIssues("sentry", CRASHES))) == ()
