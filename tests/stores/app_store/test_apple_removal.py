"""`remove-from-sale`: what is sent, by whose consent, what it leaves behind, and what is said when it does not work.

The command line runs in this process, on a real database, against the small App Store Connect and the emulated one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apple_fake
import apple_recordings as told
import pytest
from apple_fake import APP, BUNDLE, ISSUER, KEY_ID, NEW, Answer, FakeApple, FakeVersion, client_of, old, pem
from click.testing import CliRunner, Result

from stagedrollout.cli import removing
from stagedrollout.cli.main import cli
from stagedrollout.core import facts
from stagedrollout.core.errors import Faulty
from stagedrollout.core.events import Entry
from stagedrollout.core.model import (
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Store,
    StoreApp,
)
from stagedrollout.daemon import removal
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.recorder import Recorder, no_lease
from stagedrollout.daemon.removal import Removal
from stagedrollout.emulator.request import Request
from stagedrollout.http.client import in_process
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.stores.app_store.availability import territories
from tests.emulator.appstore_calls import apple_at, offered
from tests.storage.holding import hold

CONFIG = f"""\
database: sqlite:///x.db
app_store: {{key: {{env: APPLE_KEY}}, key_id: {KEY_ID}, issuer_id: {ISSUER}}}
google_play: {{credentials: {{file: k}}}}
sentry: {{organization: acme, token: {{env: SENTRY_TOKEN}}}}
apps:
  - name: acme
    policy: standard
    app_store: {{app_id: "{APP}", bundle_id: {BUNDLE}, sentry: {{project: acme-ios}}}}
  - name: droid
    policy: standard
    google_play: {{package: com.acme.droid, sentry: {{project: acme}}}}
"""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FOUND = facts.Discovered(
    Release(NEW, NEW, "33417"),
    "standard",
    OnNewRelease.ADOPT,
    ReleaseStatus.IN_PROGRESS,
    ReviewState.PUBLISHED,
    50_000,
)


class Scene:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.fake = FakeApple(FakeVersion(NEW), old())
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        self.config = folder / "stagedrollout.yaml"
        self.config.write_text(CONFIG)
        monkeypatch.setenv("APPLE_KEY", pem())
        monkeypatch.setenv("SENTRY_TOKEN", "sentry-secret")
        self.answers_with(self.fake.handle)

    def answers_with(self, handle: Any) -> None:
        self.monkeypatch.setattr(removal, "Doors", lambda: Doors(http=in_process(handle)))

    def begins(self, number: str = NEW) -> RolloutKey:
        key = RolloutKey("acme", Store.APP_STORE, number)
        recorder = Recorder(
            Journal(self.engine),
            LedgerTable(self.engine),
            hold(self.engine, StoreApp("acme", Store.APP_STORE)),
        )
        recorder.begin(key, (FOUND,), NOON)
        return key

    def journal(self, key: RolloutKey) -> list[facts.Fact]:
        return [facts.read(recorded.entry) for recorded in Journal(self.engine).history(key)]

    def removes(self, *options: str, app: str = "acme", typed: str | None = None) -> Result:
        if typed is not None:
            self.monkeypatch.setattr(removing, "_somebody_is_here", lambda: True)
        fixed = ("remove-from-sale", app, "--reason", "it eats data", "--config", str(self.config))
        return CliRunner().invoke(cli, [*fixed, *options], input=typed)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    found = Scene(tmp_path, monkeypatch)
    yield found
    found.engine.dispose()


LOOK = ["availability", "territories"]


def test_a_journal_that_this_version_does_not_understand_keeps_no_removal_from_being_sent(scene):
    key, journal = scene.begins(), Journal(scene.engine)
    unknown = Entry("of_a_later_version", NOON, {})
    journal.record(Batch(key, NOON, (unknown,), expected_seq=journal.head(key)))
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 0, done.output
    assert set(scene.fake.sold.values()) == {False}
    assert "of_a_later_version" in done.stderr


def test_a_bundle_id_that_looks_like_an_address_is_no_other_app(scene, monkeypatch):
    monkeypatch.setattr(apple_fake, "BUNDLE", "com.acme.www.app")
    scene.config.write_text(CONFIG.replace(BUNDLE, "com.acme.www.app"))
    done = scene.removes("--dry-run")
    assert (done.exit_code, "com.acme.www.app" in done.output) == (0, True), done.output


def test_an_app_is_taken_off_sale_in_every_territory_and_that_is_read_back(scene):
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 0, done.output
    assert set(scene.fake.sold.values()) == {False}
    assert scene.fake.steps == ["app", *LOOK, "remove", "remove", "remove", *LOOK]
    assert "acme: off sale in 3 of 3 territories" in done.output
    bodies = [call.body["data"]["attributes"] for call in scene.fake.calls if call.step == "remove"]
    assert bodies == [{"available": False}] * 3


def test_what_it_means_is_said_before_anybody_is_asked(scene):
    asked = scene.removes(typed="acme\n").output
    before = asked[: asked.index("Type the app's name")]
    for word in (
        "acme (Acme Shop, com.acme.app, Apple ID 6448311069) is on sale in 3 of 3",
        "every version and every platform",
        "phased release of the present version is over for good",
        "up to 24 hours",
        "may not be able to download it again",
        "By hand it can be undone",
    ):
        assert word in before


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "Acme\n", "acme \n", "y\n"])
def test_nothing_but_the_name_itself_is_consent(scene, typed):
    done = scene.removes(typed=typed)
    assert done.exit_code == 1
    assert scene.fake.writes == []


def test_the_name_typed_is_consent(scene):
    assert scene.removes(typed="acme\n").exit_code == 0
    assert set(scene.fake.sold.values()) == {False}


@pytest.mark.parametrize("name", ["ACME", "acm", "acme ", "yes", "droid"])
def test_a_script_that_names_another_app_sends_nothing_at_all(scene, name):
    done = scene.removes("--yes-remove", name)
    assert (done.exit_code, scene.fake.calls) == (2, [])


def test_a_script_that_names_no_app_is_told_what_to_say(scene):
    done = scene.removes()
    assert (done.exit_code, scene.fake.writes) == (2, [])
    assert "say --yes-remove acme" in done.output


@pytest.mark.parametrize("consent", [(), ("--yes-remove", "acme")])
def test_a_dry_run_looks_and_sends_nothing(scene, consent):
    key = scene.begins()
    done = scene.removes("--dry-run", *consent)
    assert (done.exit_code, scene.fake.steps) == (0, ["app", *LOOK])
    assert "it would be 3 requests" in done.output
    assert scene.journal(key) == [FOUND]


def test_a_removal_stands_in_the_journal_before_and_after_and_holds_the_release(scene):
    key = scene.begins()
    assert scene.removes("--yes-remove", "acme").exit_code == 0
    _, ordered, held, after = scene.journal(key)
    assert isinstance(ordered, facts.RemovalOrdered)
    assert (ordered.reason, ordered.actor.kind.value) == ("it eats data", "human")
    assert held == facts.Held(ordered.actor, "removed from sale: it eats data", None)
    assert isinstance(after, facts.RemovalTold)
    assert (after.territories, after.off, after.going) == (3, 3, 0)
    hold = Recorder(Journal(scene.engine), LedgerTable(scene.engine), no_lease).load(key).rollout.hold
    assert hold is not None
    assert hold.until is None
    with scene.engine.connect() as connection:
        rows = connection.exec_driver_sql("select body from outbox order by id").scalars().all()
    said = "\n".join(map(str, rows))
    assert "takes the app off sale everywhere" in said
    assert "the app is off sale everywhere" in said


def test_the_trace_is_written_before_the_first_territory_is(scene):
    key, seen = scene.begins(), []
    scene.fake.happens = lambda step: seen.append((step, len(scene.journal(key))))
    scene.removes("--yes-remove", "acme")
    assert next(count for step, count in seen if step == "remove") == 3


def test_a_database_that_is_gone_keeps_nobody_from_removing(scene):
    (scene.folder / "x.db").unlink()
    done = scene.removes("--yes-remove", "acme", "--json")
    assert done.exit_code == 0
    assert set(scene.fake.sold.values()) == {False}
    assert "it is not in the journal" in done.output


def test_a_territory_that_apple_does_not_take_is_named_and_the_others_are_off(scene):
    refuses_usa(scene.fake, told.STATE_ERROR)
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 1
    assert scene.fake.sold == {"DEU": False, "JPN": False, "USA": True}
    assert "NOT OFF SALE everywhere: off sale in 2 of 3 territories; USA: " in done.output
    assert scene.fake.steps.count("remove") == 3 + 1 + 1


def test_an_app_that_apple_takes_off_sale_nowhere_is_told_in_a_few_words_and_whole_to_programs(scene):
    scene.fake.sold = {f"T{number:02}": True for number in range(9)}
    scene.fake.fails("remove", told.STATE_ERROR, times=27)
    done = scene.removes("--yes-remove", "acme", "--json")
    document = json.loads(done.stdout)
    assert (document["off"], len(document["problems"])) == (0, 9)
    assert document["answer"].count("HTTP 409") == 3
    assert "and 6 more" in document["answer"]


def refuses_usa(fake: FakeApple, answer: Answer) -> None:
    def happens(step):
        if step == "remove" and fake.calls[-1].path.endswith("USA"):
            fake.fails("remove", answer)

    fake.happens = happens


@pytest.mark.parametrize("lost", [TimeoutError(), told.HTML, told.BROKEN])
@pytest.mark.parametrize("after", [False, True])
def test_a_reply_that_is_lost_is_settled_by_looking_and_what_is_left_is_sent_again(scene, lost, after):
    scene.fake.fails("remove", lost, after=after)
    assert scene.removes("--yes-remove", "acme").exit_code == 0
    assert set(scene.fake.sold.values()) == {False}
    assert scene.fake.steps.count("remove") == 3 + (not after)


@pytest.mark.parametrize("answer", [told.ROLE_MISSING, told.AGREEMENT])
def test_a_key_that_may_not_stops_at_the_first_territory(scene, answer):
    scene.fake.fails("remove", answer)
    done = scene.removes("--yes-remove", "acme")
    assert (done.exit_code, scene.fake.steps.count("remove")) == (1, 1)
    assert "App Manager" in done.output or "Account Holder" in done.output


def test_a_removal_that_cannot_be_read_back_is_not_called_one(scene):
    key = scene.begins()
    scene.fake.happens = lambda step: (
        scene.fake.fails("territories", told.ROLE_MISSING) if scene.fake.steps.count("remove") == 3 else None
    )
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 1
    assert "NOT OFF SALE everywhere: where it is sold cannot be read" in done.output
    after = scene.journal(key)[-1]
    assert isinstance(after, facts.RemovalTold)
    assert (after.territories, after.off) == (0, 0)


def test_a_store_that_cannot_be_read_has_nothing_sent(scene):
    scene.fake.fails("territories", told.ROLE_MISSING)
    done = scene.removes("--yes-remove", "acme")
    assert (done.exit_code, scene.fake.writes) == (1, [])


def test_the_number_of_another_app_sends_nothing(scene):
    scene.config.write_text(CONFIG.replace(BUNDLE, "com.acme.other"))
    done = scene.removes("--yes-remove", "acme")
    assert (done.exit_code, scene.fake.writes) == (1, [])
    assert "is com.acme.app in App Store Connect, and the configuration says com.acme.other" in done.output


def test_an_app_that_is_not_on_the_app_store_cannot_be_removed_from_here(scene):
    done = scene.removes("--yes-remove", "droid", app="droid")
    assert (done.exit_code, scene.fake.calls) == (2, [])
    assert "droid is not on the App Store" in done.output


def test_an_app_that_is_off_sale_already_is_left_alone(scene):
    scene.fake.sold = dict.fromkeys(scene.fake.sold, False)
    done = scene.removes("--yes-remove", "acme")
    assert (done.exit_code, scene.fake.writes) == (0, [])


def test_a_program_gets_one_document_and_people_the_rest(scene):
    refuses_usa(scene.fake, told.STATE_ERROR)
    done = scene.removes("--yes-remove", "acme", "--json")
    document = json.loads(done.stdout)
    assert (document["result"], document["territories"], document["off"]) == ("not_removed", 3, 2)
    assert (document["on_sale"], document["app_id"]) == (["USA"], APP)
    assert "state of another resource" in document["problems"][0]
    assert "every version and every platform" in done.stderr


def test_somebody_who_breaks_it_off_is_told_how_far_it_came(scene):
    key = scene.begins()

    def interrupts(step):
        if scene.fake.steps.count("remove") == 2:
            scene.fake.happens = lambda step: None
            raise KeyboardInterrupt

    scene.fake.happens = interrupts
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 1
    assert "off sale in 1 of 3 territories; interrupted at the keyboard" in done.output
    assert isinstance(scene.journal(key)[-1], facts.RemovalTold)


class Patience:
    """A clock that goes on only while somebody waits."""

    def __init__(self) -> None:
        self.at, self.waits = 0.0, list[float]()

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds

    def removal(self, fake: FakeApple) -> Removal:
        return Removal(client_of(fake), APP, wait=self.wait, seconds=lambda: self.at)


@pytest.mark.parametrize(("within", "off", "waits"), [(3600.0, 3, [30.0, 60.0]), (80.0, 1, [30.0])])
def test_where_apple_asks_to_wait_it_is_waited_as_long_as_was_allowed(within, off, waits):
    fake, patience = FakeApple(FakeVersion(NEW)), Patience()
    removal = patience.removal(fake)
    before = removal.look()
    fake.happens = lambda step: (
        fake.fails("remove", told.THROTTLED, times=2) if fake.steps.count("remove") == 2 else None
    )
    done = removal.carry_out(before, within, lambda: None, lambda words: None)
    assert (done.standing.off, patience.waits) == (off, waits)


def test_a_territory_that_is_still_being_processed_is_not_called_off():
    fake = FakeApple(FakeVersion(NEW))
    fake.sold = dict.fromkeys(fake.sold, False)
    body = json.dumps(
        {
            "data": [
                {
                    "type": "territoryAvailabilities",
                    "id": "in-USA",
                    "attributes": {"available": False, "contentStatuses": ["PROCESSING_TO_NOT_AVAILABLE"]},
                },
                {"type": "territoryAvailabilities", "id": "in-DEU", "attributes": {"available": False}},
            ]
        }
    )
    fake.fails("territories", Answer(200, body.encode()))
    found = Patience().removal(fake).look()
    assert (found.off, found.going, found.gone, found.on_sale) == (1, 1, False, ())
    assert found.words == "off sale in 1 of 2 territories, 1 more are being processed by Apple (up to 24 h)"


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": []}',
        b'{"data": {}}',
        b"{}",
        b'{"data": [{"id": "../x", "attributes": {"available": false}}]}',
        b'{"data": [{"attributes": {"available": false}}]}',
        b'{"data": [3]}',
    ],
)
def test_a_list_that_is_none_is_no_removal(body):
    fake = FakeApple(FakeVersion(NEW))
    fake.fails("territories", Answer(200, body))
    with pytest.raises(Faulty):
        territories(client_of(fake), APP)


def test_what_apple_does_not_say_counts_as_on_sale():
    fake = FakeApple(FakeVersion(NEW))
    fake.fails(
        "territories", Answer(200, b'{"data": [{"id": "a"}, {"id": "b", "attributes": {"available": "no"}}]}')
    )
    found = Patience().removal(fake).look()
    assert (len(found.on_sale), found.off) == (2, 0)


def test_in_the_emulated_store_nobody_gets_the_app_any_more(scene):
    apple = apple_at(4 + 24)
    scene.monkeypatch.setenv("APPLE_KEY", apple.pem)
    scene.config.write_text(CONFIG.replace(KEY_ID, apple.key_id).replace(ISSUER, apple.issuer))

    def handle(method, path, query, headers, body):
        response = apple.world.handle(Request.to(method, f"{path}?{query}", headers=headers, body=body))
        return response.status, response.headers, response.body

    scene.answers_with(handle)
    done = scene.removes("--yes-remove", "acme")
    assert done.exit_code == 0, done.output
    assert "off sale in 175 of 175 territories" in done.output
    assert offered(apple) == ("ACTIVE", 0)
    assert len(apple.world.ledger.requests) == 1 + 2 + 175 + 2


def test_no_daemon_and_no_schedule_leads_to_a_removal():
    package = Path(removal.__file__).parents[1]
    sources = {
        file.relative_to(package).as_posix(): file.read_text("utf-8") for file in package.rglob("*.py")
    }
    reach = re.compile(r"daemon\.removal\b|daemon import .*\bremoval\b")
    assert {name for name, text in sources.items() if reach.search(text)} == {"cli/removing.py"}
    writes = {name for name, text in sources.items() if re.search(r"\bto_remove\b", text)}
    assert writes == {"daemon/removal.py", "stores/app_store/availability.py"}
