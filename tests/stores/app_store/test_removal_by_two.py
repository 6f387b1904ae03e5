"""Taking an app off sale where the policy wants two persons: another one has to agree first, and lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.cli.ordering import acting_user
from stagedrollout.core import facts
from stagedrollout.core.events import Entry
from stagedrollout.core.model import Actor, ActorKind, Store, StoreApp
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.core.builders import NOON
from tests.storage.holding import hold
from tests.stores.app_store.test_apple_removal import CONFIG, Scene, scene  # noqa: F401 - the fixture

POLICIES = Path(__file__).parents[3] / "policies"
BEN, MYSELF = Actor(ActorKind.HUMAN, "Ben"), Actor(ActorKind.HUMAN, acting_user())
TO_NOBODY = 0


@pytest.fixture
def by_two(scene: Scene) -> Scene:  # noqa: F811
    own = scene.folder / "policies"
    own.mkdir()
    asks = "two_persons: [remove-from-sale]\n"
    (own / "careful.yaml").write_text((POLICIES / "standard.yaml").read_text() + asks)
    scene.config.write_text(f"policies: [policies]\n{CONFIG.replace('policy: standard', 'policy: careful')}")
    return scene


def agreed(
    place: Scene, who: Actor, *, target: int = TO_NOBODY, left: timedelta = timedelta(hours=1)
) -> None:
    now = datetime.now(UTC)
    key = place.begins()
    epoch = hold(place.engine, StoreApp("acme", Store.APP_STORE))
    recorder = Recorder(Journal(place.engine), LedgerTable(place.engine), epoch)
    said = facts.Approved(who, (), "it eats data", target, "FAIL", now + left)
    recorder.record(recorder.load(key), (said,), now)


def test_one_person_alone_sends_nothing_and_is_told_what_another_one_says(by_two: Scene) -> None:
    by_two.begins()
    done = by_two.removes("--yes-remove", "acme")
    assert (done.exit_code, "remove" in by_two.fake.steps) == (1, False), done.output
    assert "stagedrollout approve acme --store app_store --removal" in done.stderr


def test_with_the_word_of_another_person_it_is_carried_out(by_two: Scene) -> None:
    agreed(by_two, BEN)
    done = by_two.removes("--yes-remove", "acme")
    assert done.exit_code == 0, done.output
    assert set(by_two.fake.sold.values()) == {False}


def damaged(place: Scene, number: str) -> None:
    key, journal = place.begins(number), Journal(place.engine)
    unknown = Entry("of_a_later_version", NOON, {})
    journal.record(Batch(key, NOON, (unknown,), expected_seq=journal.head(key)))


def test_a_journal_that_nobody_can_read_does_not_hide_that_another_one_has_agreed(by_two: Scene) -> None:
    """Whichever of them is read first."""
    damaged(by_two, "1.0.0")
    agreed(by_two, BEN)
    damaged(by_two, "99.0.0")
    done = by_two.removes("--yes-remove", "acme")
    assert done.exit_code == 0, done.output
    assert set(by_two.fake.sold.values()) == {False}


def test_where_the_word_may_stand_in_a_journal_that_nobody_can_read_that_is_said(by_two: Scene) -> None:
    by_two.begins()
    damaged(by_two, "99.0.0")
    done = by_two.removes("--yes-remove", "acme")
    assert (done.exit_code, "remove" in by_two.fake.steps) == (1, False)
    assert "cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("who", "terms"),
    [(MYSELF, {}), (BEN, {"left": timedelta(0)}), (BEN, {"target": 1_000_000})],
    ids=["their own word", "a word that has run out", "a word for everyone"],
)
def test_no_other_word_counts(by_two: Scene, who: Actor, terms: dict[str, object]) -> None:
    agreed(by_two, who, **terms)  # type: ignore[arg-type]
    assert by_two.removes("--yes-remove", "acme").exit_code == 1
    assert "remove" not in by_two.fake.steps


def test_where_nobody_can_tell_whether_another_one_has_agreed_nothing_is_sent(by_two: Scene) -> None:
    by_two.engine.dispose()
    (by_two.folder / "x.db").unlink()
    done = by_two.removes("--yes-remove", "acme")
    assert (done.exit_code, "remove" in by_two.fake.steps) == (1, False)
    assert "cannot be read" in done.stderr
