"""A plain `halt` of an app on two stores: each is halted for itself, and neither keeps the other from it.

The command line runs in this process, on a real database; a daemon that answers at once stands behind its box.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stagedrollout.cli import halting
from stagedrollout.cli.main import cli
from stagedrollout.core.addressing import nobody
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Command, RolloutKey, Store
from stagedrollout.storage.batch import Batch, Summary
from stagedrollout.storage.commands import CommandBox, CommandResult
from stagedrollout.storage.engine import open_engine, open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import check, upgrade

CONFIG = """\
database: sqlite:///x.db
google_play: {credentials: {file: k}}
app_store: {key: {file: k}, key_id: 2X9R4HXF34}
sentry: {organization: acme, token: {file: k}}
apps:
  - name: acme
    policy: standard
    google_play: {package: com.acme.app, sentry: {project: p}}
    app_store: {app_id: "6448311069", bundle_id: com.acme.app, sentry: {project: p}}
"""
PLAY, APPLE = Store.GOOGLE_PLAY, Store.APP_STORE
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SILENT = "silent"
BROKEN = "broken"
DONE = "halted: read back in the store"
FINAL = "the App Store cannot stop a completed release any more: ship a higher version"


class Scene:
    """What the database knows, how each store's order ends, and what the command line makes of it.

    A store's `ending` is the answer of a halt that is done, an answer with its result, SILENT (the daemon takes
    the order and says nothing) or BROKEN (the order cannot be left).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "stagedrollout.yaml").write_text(CONFIG)
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        self.endings: dict[Store, str | tuple[CommandResult, str]] = {PLAY: DONE, APPLE: DONE}
        self.tried: list[Store] = []

    def knows(self, store: Store, phase: str, version: str = "5.2.0", *, app: str = "acme") -> None:
        build = "5020" if store is PLAY else "701"
        label = f"{version} ({build})"
        summary = Summary(label, phase, 100_000, "because")
        key = RolloutKey(app, store, f"{version}/{build}")
        Journal(self.engine).record(Batch(key, NOW, summary=summary))

    def runs(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "x.db")) as connection, connection:
            connection.execute(statement)

    def halts(self, *options: str) -> Result:
        config = str(self.folder / "stagedrollout.yaml")
        fixed = ("halt", "acme", "--reason", "bad", "--wait", "0s", "--config", config)
        return CliRunner().invoke(cli, [*fixed, *options])

    def ordered(self) -> list[Store]:
        return [command.store for command in self._box().everything()]

    def box(self, database: str) -> CommandBox:
        engine = open_existing(database)
        check(engine)
        return _Answering(engine, self)

    def _box(self) -> _Answering:
        return _Answering(self.engine, self)


class _Answering(CommandBox):
    """The box as it is once a daemon has looked into it."""

    def __init__(self, engine, scene: Scene) -> None:
        super().__init__(engine)
        self._scene = scene

    def everything(self) -> list[Command]:
        with closing(sqlite3.connect(self._scene.folder / "x.db")) as connection:
            ids = [row[0] for row in connection.execute("select id from command order by seq")]
        return [row.command for each in ids if (row := self.find(each))]

    def put(self, command: Command) -> None:
        self._scene.tried.append(command.store)
        ending = self._scene.endings[command.store]
        if ending == BROKEN:
            raise StorageError("the disk is full")
        super().put(command)
        self.take(command.id, NOW)
        if isinstance(ending, tuple):
            self.finish(command.id, *ending, NOW)
        elif ending != SILENT:
            self.finish(command.id, CommandResult.DONE, ending, NOW)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    found = Scene(tmp_path)
    monkeypatch.setattr(halting, "open_box", found.box)
    monkeypatch.setattr(halting, "LOOK_AGAIN_SECONDS", 0.0)
    yield found
    found.engine.dispose()


def test_a_release_on_both_stores_is_halted_on_both(scene: Scene):
    scene.knows(PLAY, "rolling_out")
    scene.knows(APPLE, "held")
    done = scene.halts()
    assert (done.exit_code, scene.ordered()) == (0, [PLAY, APPLE])
    assert done.stdout.splitlines() == [f"google_play: {DONE}", f"app_store: {DONE}"]


@pytest.mark.parametrize("app", ["acme", "another"])
def test_a_row_that_nobody_can_read_keeps_no_store_from_being_halted(scene: Scene, app: str):
    scene.knows(PLAY, "rolling_out")
    scene.knows(APPLE, "rolling_out", "9.9.9", app=app)
    scene.runs("update rollout set key = 'gibberish' where label like '9.9.9%'")
    done = scene.halts()
    assert (done.exit_code, scene.ordered()) == (0, [PLAY, APPLE])


def test_an_app_of_which_nothing_is_known_yet_is_halted_on_every_store(scene: Scene):
    assert scene.halts().exit_code == 0
    assert scene.ordered() == [PLAY, APPLE]


@pytest.mark.parametrize("over", ["completed", "superseded"])
@pytest.mark.parametrize(("bad", "healthy"), [(PLAY, APPLE), (APPLE, PLAY)])
def test_a_release_that_reached_everybody_is_let_be_while_the_other_store_is_halted(
    scene: Scene, bad: Store, healthy: Store, over: str
):
    scene.knows(bad, "rolling_out")
    scene.knows(healthy, over)
    done = scene.halts()
    assert (done.exit_code, scene.ordered()) == (0, [bad])
    assert f"{healthy.value}: nothing is going on there" in done.stderr


def test_where_nothing_is_going_on_anywhere_every_store_is_tried(scene: Scene):
    scene.knows(PLAY, "completed")
    scene.knows(APPLE, "completed")
    scene.endings[APPLE] = (CommandResult.REFUSED, FINAL)
    done = scene.halts()
    assert (done.exit_code, scene.ordered()) == (3, [PLAY, APPLE])
    assert f"app_store: NOT HALTED: {FINAL}" in done.stderr


@pytest.mark.parametrize("name", ["6.0.0", "6.0.0 (701)", "6.0.0+701", "6.0.0/701"])
def test_a_named_release_is_halted_where_it_is_going_on(scene: Scene, name: str):
    scene.knows(PLAY, "rolling_out", "5.2.0")
    scene.knows(APPLE, "rolling_out", "6.0.0")
    assert scene.halts("--release", name).exit_code == 0
    assert scene.ordered() == [APPLE]


def test_an_order_that_cannot_be_left_keeps_no_other_from_being_left(scene: Scene):
    scene.endings[PLAY] = BROKEN
    done = scene.halts()
    assert (done.exit_code, scene.tried, scene.ordered()) == (3, [PLAY, APPLE], [APPLE])
    assert "google_play: NOT HALTED: the disk is full" in done.stderr
    assert done.stdout == f"app_store: {DONE}\n"


def test_the_first_to_answer_is_told_first(scene: Scene):
    scene.endings[PLAY] = SILENT
    done = scene.halts("--wait", "1s")
    assert (done.exit_code, done.output.splitlines()[0]) == (3, f"app_store: {DONE}")
    assert "google_play: NOT HALTED: taken up, and no answer in time" in done.stderr
    told = json.loads(scene.halts("--json").stdout)["answers"]
    assert [(each["store"], each["result"]) for each in told] == [
        ("google_play", "not_halted"),
        ("app_store", "done"),
    ]


def test_a_store_of_which_nothing_is_known_yet_is_not_passed_over_for_one_that_is_finished(scene: Scene):
    scene.knows(PLAY, "completed")
    assert scene.halts().exit_code == 0
    assert APPLE in scene.ordered()


def _nothing(store: Store, release: str = "") -> tuple[CommandResult, str]:
    order = halting.new_command("halt", "acme", store, release=release, reason="bad")
    return CommandResult.REFUSED, nobody(order, ())


@pytest.mark.parametrize(
    "nothing",
    [
        _nothing(APPLE),
        _nothing(APPLE, "5.2.0"),
        (CommandResult.REFUSED, "it is a draft: nobody has it, and there is nothing to halt"),
    ],
)
def test_a_store_with_nothing_to_halt_does_not_make_a_halt_fail(scene: Scene, nothing):
    scene.endings[APPLE] = nothing
    done = scene.halts()
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"google_play: {DONE}",
        f"app_store: nothing to halt there: {nothing[1]}",
    ]


def test_where_nothing_was_halted_at_all_it_is_said_to_be_not_halted(scene: Scene):
    scene.endings = {store: _nothing(store) for store in Store}
    done = scene.halts()
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.count("NOT HALTED: acme on ") == 2


def test_a_database_of_an_earlier_version_is_named_as_such(scene: Scene):
    scene.runs("update alembic_version set version_num = '0001'")
    scene.runs("alter table rollout drop column paused_us")
    done = scene.halts()
    assert done.exit_code == 3
    assert done.stderr.count("the database was made by an older stagedrollout (schema 0001") == 2
    assert "no such column" not in done.output


def test_words_of_others_stay_words_in_a_terminal(scene: Scene):
    scene.knows(PLAY, "rolling_out", "5.0 :x:\x1b]52;c;ZXZpbA==\x07\n\u202e")
    forged = f"refused\x1b[2J\n2026-03-02 {DONE}"
    scene.endings[PLAY] = (CommandResult.FAILED, forged)
    done = scene.halts()
    assert done.exit_code == 3
    assert len(done.stderr.splitlines()) == 2
    config = ("--config", str(scene.folder / "stagedrollout.yaml"))
    outputs = [
        done.output,
        *(CliRunner().invoke(cli, [verb, *config]).output for verb in ("status", "health")),
    ]
    assert "5.0 :x:" in outputs[1], "and no picture"
    for output in outputs:
        assert not set("\x1b\x07\u202e") & set(output)
