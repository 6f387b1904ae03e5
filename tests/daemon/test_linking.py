"""The other store's journals: read without waiting for anybody, and a journal that cannot be read holds raises only."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings

from stagedrollout.core import facts, link_facts, override_facts
from stagedrollout.core.counterpart import concerns_the_other, may_concern_the_other
from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import Entry
from stagedrollout.core.facts import Fact
from stagedrollout.core.fold import apply
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.linking import Link
from stagedrollout.core.model import (
    Change,
    CommandVerb,
    Mode,
    Release,
    RolloutKey,
    Settlement,
    Store,
    StoreApp,
    Verb,
)
from stagedrollout.core.ports import Clearance
from stagedrollout.daemon import linking
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Lanes
from stagedrollout.daemon.linking import Bell, of_the_other
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from tests.core.apple import APPLE_KEY
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    KEY,
    NOON,
    POLL,
    discovered,
    halted,
    intent,
    order,
    policy,
    rolling,
    seen,
    settled,
    shown,
    store,
    waiting,
    with_facts,
)
from tests.core.test_fold import any_fact
from tests.daemon.test_unkept_counts import Sits
from tests.storage.holding import hold

LINK = Link(lead=Store.GOOGLE_PLAY)
IOS = RolloutKey("shop", Store.APP_STORE, "5.2.0")


@dataclass
class Journals:
    """What can be read of the other store; an exception instead of a rollout is raised."""

    kept: dict[RolloutKey, Rollout | Exception] = field(default_factory=dict)
    lost: bool = False

    def keys(self, app: StoreApp) -> tuple[RolloutKey, ...]:
        if self.lost:
            raise StorageError("the database is gone")
        return tuple(key for key in self.kept if key.store_app == app)

    def load(self, key: RolloutKey) -> Any:
        found = self.kept[key]
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(rollout=found)


def listing(store: Store, link: Link | None = LINK) -> Listing:
    nothing: Any = None
    return Listing(
        id=StoreApp("shop", store), mode=nothing, on_new_release=nothing, policy="", policies={}, store=nothing,
        signals=(), poll=nothing, link=link,
    )  # fmt: skip


def ios() -> Rollout:
    return replace(rolling(shown(percent=1)), key=IOS, release=Release("5.2.0", "5.2.0", "33417"))


def brought(journals: Journals, rollout: Rollout, link: Link | None = LINK) -> list[Any]:
    recorder: Any = journals
    return list(of_the_other(recorder, listing(rollout.key.store, link), rollout, ()))


def test_what_the_other_store_s_journal_says_is_learned():
    linked, held = brought(Journals({KEY: halted(rolling())}), ios())
    assert (linked.release, held.by) == ("5.2.0 (5020)", str(KEY))


def test_without_a_link_nobody_looks_at_the_other_store():
    assert brought(Journals(lost=True), ios(), link=None) == []


@pytest.mark.parametrize(
    "damage", [StorageError("damaged at seq 7"), ValueError("a fact of kind 'x'"), KeyError("at")]
)
def test_a_journal_that_cannot_be_read_holds_and_breaks_nothing_off(damage: Exception):
    (linked,) = brought(Journals({KEY: damage}), ios())
    assert str(KEY) in linked.unread
    (lost,) = brought(Journals(lost=True), ios())
    assert "the database is gone" in lost.unread


def test_a_damaged_journal_of_another_version_holds_nothing_where_its_name_tells():
    """The App Store's rollouts are called by their version; Google Play's by a code, which may be any version."""
    old = RolloutKey("shop", Store.APP_STORE, "5.1.0")
    (linked,) = brought(Journals({old: StorageError("damaged"), IOS: ios()}), rolling())
    assert (linked.unread, linked.release) == ("", "5.2.0 (33417)")


def test_a_halt_that_could_be_read_holds_although_another_journal_could_not():
    other = RolloutKey("shop", Store.GOOGLE_PLAY, "5010")
    news = brought(Journals({other: StorageError("damaged"), KEY: halted(rolling())}), ios())
    assert [type(fact) for fact in news] == [link_facts.Linked, link_facts.LinkHeld]


def test_the_other_store_is_woken_by_a_halt_its_end_and_more_evidence_and_by_nothing_else():
    play = rolling()
    assert concerns_the_other(play, halted(play), LINK)
    assert concerns_the_other(halted(play), play, LINK)
    assert concerns_the_other(play, replace(play, earned_ppm=500_000), LINK)
    assert not concerns_the_other(play, halted(play), None)
    assert not concerns_the_other(play, with_facts(play, facts.WentBlind(("x",))), LINK)


def test_a_halted_release_that_comes_back_as_a_draft_is_nobody_s_answer():
    """Nobody has resumed it: its halt is remembered, and waits for a person on both sides."""
    play = halted(rolling())
    held = with_facts(ios(), *brought(Journals({KEY: play}), ios()))
    back = with_facts(play, facts.Returned(play.seen, facts.Seen.of(shown(DRAFT))))
    assert (back.halt, back.bad) == (None, play.halt)
    assert link_facts.LinkAnswered not in [type(fact) for fact in brought(Journals({KEY: back}), held)]
    started = with_facts(back, facts.Started(ANNA, "it was not our bug", "standard", known_bad="halted"))
    assert link_facts.LinkAnswered in [type(fact) for fact in brought(Journals({KEY: started}), held)]


def test_a_fact_of_a_later_version_is_a_journal_that_cannot_be_read_and_no_breakdown(tmp_path: Any):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    epoch = hold(engine)
    Recorder(Journal(engine), LedgerTable(engine), epoch).begin(KEY, (discovered(),), NOON)
    unknown = Batch(
        KEY, NOON, (Entry("of_a_later_version", NOON, {}),), expected_seq=Journal(engine).head(KEY)
    )
    Journal(engine).record(unknown)
    with pytest.raises(StorageError, match="of_a_later_version"):
        Recorder(Journal(engine), LedgerTable(engine), epoch).load(KEY)
    engine.dispose()


def test_a_bell_that_nobody_hears_may_be_rung():
    bell, heard = Bell(), list[StoreApp]()
    bell.ring(KEY.store_app)
    bell.listen(heard.append)
    bell.ring(KEY.store_app)
    assert heard == [KEY.store_app]


def test_a_link_s_facts_are_kept_and_status_tells_them(tmp_path: Any):
    from stagedrollout.cli.status import describe, links  # noqa: PLC0415

    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    known = recorder.begin(APPLE_KEY, (discovered(), facts.Seen.of(shown(percent=1))), NOON)
    held = link_facts.LinkHeld(str(KEY), Store.GOOGLE_PLAY, "5.2.0 (5020)", ANNA, "it eats photos", NOON)
    seen = link_facts.Linked(Store.GOOGLE_PLAY, 200_000, "5.2.0 (5020)", steered=True, halted=True)
    known = recorder.record(known, (seen, held), NOON)
    assert recorder.load(APPLE_KEY).rollout.link == known.rollout.link
    statuses = Presence(engine).statuses()
    (row,) = describe(statuses, links(engine, statuses))["rollouts"]
    assert row["link"] == "held by the halt of Google Play 5.2.0 (5020) by anna, until a person answers"
    engine.dispose()


def test_two_stores_that_read_each_other_at_once_wait_for_nobody(tmp_path: Any):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    play = recorder.begin(KEY, (discovered(), facts.Seen.of(shown())), NOON)
    apple = recorder.begin(IOS, (discovered(found=shown(percent=1)), facts.Seen.of(shown(percent=1))), NOON)
    troubles: list[BaseException] = []

    def run(known: Any, number: int) -> None:
        try:
            for _ in range(20):
                of_the_other(recorder, listing(known.rollout.key.store), known.rollout, ())
                known = recorder.record(known, (facts.WentBlind((str(number),)),), NOON)
        except BaseException as trouble:  # noqa: BLE001 - told in the other thread
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(known, n)) for n, known in enumerate((play, apple))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert troubles == []
    engine.dispose()


def test_a_slow_database_does_not_keep_a_pass_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(linking, "LOOK_SECONDS", -1.0)
    (linked,) = brought(Journals({KEY: halted(rolling())}), ios())
    assert "took longer" in linked.unread


HELD_BY_IOS = link_facts.LinkHeld(str(IOS), Store.APP_STORE, "5.2.0", ANNA, "it eats photos", NOON)
PLAY = replace(rolling(), earned_ppm=200_000, reaching_ppm=500_000)
HELD = with_facts(PLAY, HELD_BY_IOS)
BACK = with_facts(halted(PLAY), facts.Returned(seen(HALTED), seen(DRAFT)))
RESUMES = with_facts(halted(PLAY), intent(Verb.RESUME, 100, "r1"))
NEVER_OUT = with_facts(waiting(found=shown(DRAFT)), intent(Verb.HALT, 0))
HEARD: list[tuple[Rollout, Fact]] = [
    (PLAY, intent(Verb.HALT, 100)),
    (RESUMES, settled(verb=Verb.RESUME, key="r1")),
    (BACK, facts.Started(ANNA, "it was not our bug", "standard", known_bad="halted")),
    (PLAY, facts.Drifted(facts.Drift.HALTED, seen(), seen(HALTED))),
    (NEVER_OUT, facts.Held(ANNA, "not yet", None)),
    (PLAY, facts.Returned(seen(), seen(DRAFT))),
    (halted(PLAY), facts.TakenUp(ANNA, "it was not our bug")),
    (PLAY, facts.WentLive(500_000)),
    (PLAY, override_facts.PolicySet(ANNA, "slower it is", "cautious")),
    (PLAY, HELD_BY_IOS),
    (HELD, link_facts.LinkAnswered(str(IOS), NOON, "it was resumed")),
    (HELD, link_facts.Unlinked()),
]


@pytest.mark.parametrize(("rollout", "fact"), HEARD)
def test_what_the_other_store_goes_by_is_heard_by_whoever_knows_the_fact_alone(rollout: Rollout, fact: Fact):
    assert concerns_the_other(rollout, apply(rollout, fact, NOON), LINK)
    assert may_concern_the_other(fact)


@pytest.mark.parametrize("word", sorted(set(facts.KINDS) - {"discovered"}))
def test_no_fact_that_changes_what_the_other_store_goes_by_is_overheard(word: str):
    """Also one of a kind that is new."""

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(any_fact(facts.KINDS[word]))
    def heard(fact: Any) -> None:
        for rollout, _ in HEARD:
            if concerns_the_other(rollout, apply(rollout, fact, NOON), LINK):
                assert may_concern_the_other(fact)

    heard()


class HaltsMeanwhile:
    """A store whose other side is halted, and that is written down, before anything of a raise is sent."""

    fenced = True

    def __init__(self, recorder: Recorder, lead: RolloutKey) -> None:
        self.sent = list[Change]()
        self._recorder, self._lead = recorder, lead

    def apply(self, change: Change, _: str, clearance: Clearance) -> None:
        halt = (intent(Verb.HALT, 100, "h1"), seen(HALTED), settled(verb=Verb.HALT, key="h1"))
        self._recorder.record(self._recorder.load(self._lead), halt, NOON)
        clearance()
        self.sent.append(change)


@pytest.mark.promise("R11")
def test_a_raise_is_not_sent_when_the_other_store_is_halted_between_its_decision_and_its_request(
    tmp_path: Path,
):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    recorder = Recorder(Journal(engine), LedgerTable(engine), hold(engine))
    recorder.begin(IOS, (discovered(found=shown(COMPLETED)), facts.Seen.of(shown(COMPLETED))), NOON)
    started = facts.Started(ANNA, "go", "standard", "c0")
    recorder.begin(KEY, (discovered(), started, facts.Seen.of(shown()), facts.WentLive(100_000)), NOON)
    other, sits = HaltsMeanwhile(recorder, IOS), Sits()
    anything: Any = sits
    reconciler = Reconciler(
        recorder=recorder,
        actuator=Actuator(Lanes(), anything),
        clock=anything,
        tenures=Everything(),
        deadline_seconds=45,
        hearer=Hearer(recorder),
    )
    follows = replace(
        listing(Store.GOOGLE_PLAY, Link(lead=Store.APP_STORE)),
        mode=Mode.ACT, policy="standard", policies={"standard": policy()}, poll=POLL, store=cast("Any", other),
    )  # fmt: skip
    raised = reconciler.reconcile(
        follows, KEY, store(shown()), order(CommandVerb.ADVANCE, without_evidence=True)
    )
    assert raised.decision.change is not None
    assert other.sent == []
    assert raised.outcome is not None
    assert raised.outcome.settlement is Settlement.PREEMPTED
    assert "was halted by anna" in raised.outcome.detail
    engine.dispose()
