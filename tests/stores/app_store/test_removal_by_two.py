"""Taking an app off sale where the policy wants two persons: another one has to agree first, and lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.cli.ordering import acting_user
from stagedrollout.core import facts
from stagedrollout.core.model import Actor, ActorKind
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.presence import Presence
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
    epoch = Presence(place.engine).claim("x", now, {})
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
