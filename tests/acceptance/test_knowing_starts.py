"""What a person says they know when they type a start reaches the daemon, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stagedrollout.cli import orders
from stagedrollout.cli.main import cli
from stagedrollout.cli.ordering import Answer
from stagedrollout.core.model import Command
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from tests.acceptance.test_halt_of_two_stores import CONFIG


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), (False, False)),
        (("--known-bad",), (True, False)),
        (("--supersede",), (False, True)),
        (("--known-bad", "--supersede"), (True, True)),
    ],
)
def test_a_start_says_what_the_person_knows(
    flags: tuple[str, ...], said: tuple[bool, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stagedrollout.yaml").write_text(CONFIG)
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)

    def answered(box: CommandBox, command: Command, seconds: float) -> Answer:
        return Answer(command, "done", "starting", 0)

    monkeypatch.setattr(orders, "_followed", answered)
    typed = ("start", "acme", "--store", "google_play", "--reason", "fixed on the server", *flags)
    done = CliRunner().invoke(cli, [*typed, "--config", str(tmp_path / "stagedrollout.yaml")])
    assert (done.exit_code, done.output) == (0, "starting\n")
    (order,) = CommandBox(engine).waiting()
    engine.dispose()
    assert (order.known_bad, order.supersede, order.reason) == (*said, "fixed on the server")
