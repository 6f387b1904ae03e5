"""A name that nobody knows: the nearest one is offered and the exit code is 2, in every command that takes one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from stagedrollout.cli.main import cli
from stagedrollout.cli.naming import with_nearest
from stagedrollout.core.addressing import nobody
from stagedrollout.storage.commands import CommandBox, CommandResult
from tests.core.builders import DAY, NOON
from tests.knowing.world import World
from tests.reporting.histories import bad, completed

ORDERS = (
    *("start", "hold", "resume", "advance", "complete", "halt"),
    *("approve", "reject", "skip-bake", "ignore", "set-policy"),
)
NAMES = frozenset({"app", "name", "names", "store", "release", "policy", "scenario"})
"""The parameters that take a name of something that there may not be."""

WRONG: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "status": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2"), "`5.2.0`"),
        (("--store", "google"), "`google_play`"),
        (("shop", "--wait", "stage=2"), "nearest is 1 %"),
    ),
    "why-not": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2.0 (521)"), "`5.2.0 (520)`"),
        (("shop", "--store", "app_store"), "it is on google_play"),
    ),
    "explain": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2.0 (521)"), "`5.2.0 (520)`"),
        (("shop", "--store", "x"), "it is on google_play"),
    ),
    "history": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2"), "`5.2.0`"),
        (("--store", "google"), "`google_play`"),
    ),
    "export journal": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2"), "`5.2.0`"),
        (("shop", "--store", "apple_store"), "`app_store`"),
    ),
    "export ledger": (
        (("shpo",), "`shop`"),
        (("shop", "--release", "5.2.0 (521)"), "`5.2.0 (520)`"),
        (("shop", "--store", "x"), "it is on google_play"),
    ),
    "report": ((("shpo",), "`shop`"), (("--store", "x"), "'google_play'")),
    "doctor": ((("--app", "shpo"), "`shop`"),),
    "policy show": ((("standart",), "`standard`"),),
    "policy simulate": ((("standart", "--daily-users", "1000"), "`standard`"),),
    "policy compare": ((("standart", "hotfix", "--daily-users", "1000"), "`standard`"),),
    "demo": ((("--scenario", "tuor"), "tour"),),
    "emulate": ((("--scenario", "tuor"), "tour"),),
    "remove-from-sale": ((("shpo", "--reason", "x"), "`shop`"),),
    "start": ((("shop", "--policy", "standart", "--reason", "x"), "`standard`"),),
    **{
        verb: (
            (("shpo", "--reason", "x"), "`shop`"),
            (("shop", "--store", "x", "--reason", "x"), "it is on google_play"),
        )
        for verb in ORDERS
        if verb not in ("start", "set-policy")
    },
    "set-policy": (
        (("shpo", "standard", "--reason", "x"), "`shop`"),
        (("shop", "standart", "--reason", "x"), "`standard`"),
    ),
    "calendar": ((("shpo",), "`shop`"), (("--store", "google"), "`google_play`")),
}


OTHER_NAMES = {"init", "freeze"}
"""The one asks for names that are new; the other is for every app, and says so to whoever names one."""


def tree(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    with click.Context(command) as context:
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from tree(below, (*path, name))


def test_every_command_that_takes_a_name_is_in_this_table() -> None:
    take = {path for path, command in tree() if NAMES & {each.name for each in command.params}}
    assert take - OTHER_NAMES == set(WRONG)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("names")
    return World(folder, completed(), bad("6.0.0", NOON + DAY, app="mail"))


@pytest.mark.parametrize(
    ("command", "words", "near"),
    [(command, words, near) for command, cases in WRONG.items() for words, near in cases],
)
def test_the_nearest_name_is_offered(world: World, command: str, words: tuple[str, ...], near: str) -> None:
    takes_config = any(
        each.name == "config" for path, found in tree() if path == command for each in found.params
    )
    arguments = [*command.split(), *words]
    said = world.says(*arguments) if takes_config else _without_config(arguments)
    assert (said.exit_code, near in said.stderr) == (2, True), said.output


def _without_config(arguments: list[str]) -> object:
    import os  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415
    from types import SimpleNamespace  # noqa: PLC0415

    ran = subprocess.run(
        [sys.executable, "-m", "stagedrollout", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    return SimpleNamespace(exit_code=ran.returncode, stderr=ran.stderr, output=ran.stdout + ran.stderr)


@pytest.mark.parametrize("verb", ORDERS)
def test_an_order_for_a_release_that_nobody_knows_gets_the_nearest_one(tmp_path: Path, verb: str) -> None:
    """Only the daemon can tell, for it looks again whether the store has it; and what is not found is NOT HALTED."""
    world = World(tmp_path, completed())
    box, done = CommandBox(world.engine), threading.Event()

    def daemon() -> None:
        while not done.is_set():
            for order in box.waiting():
                box.finish(order.id, CommandResult.REFUSED, _answer(order), datetime.now(UTC))
            time.sleep(0.02)

    def _answer(order: object) -> str:
        return nobody(order, ()).replace("none", "5.2.0 (520)")  # type: ignore[arg-type]

    daemon_thread = threading.Thread(target=daemon)
    daemon_thread.start()
    try:
        policy = ("standard",) if verb == "set-policy" else ()
        said = world.says(verb, "shop", *policy, "--release", "5.2.0 (502)", "--reason", "x")
    finally:
        done.set()
        daemon_thread.join()
    assert said.exit_code == (3 if verb == "halt" else 2), said.output
    assert "known releases: 5.2.0 (520)" in said.stderr


def test_other_refusals_keep_their_exit_code() -> None:
    assert with_nearest("it is at 100 % already", "refused", "5.2.0") == ("it is at 100 % already", 1)
    assert with_nearest("raised", "done", "5.2.0") == ("raised", 0)
    text = "shop on google_play has no release '5.2'; known releases: 5.2.0 (520), 5.3.0 (530)"
    assert with_nearest(text, "refused", "5.2.0 (52)") == (f"{text}; did you mean `5.2.0 (520)`?", 2)
