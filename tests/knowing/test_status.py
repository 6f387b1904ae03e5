"""`status`: one line for each rollout, what is hidden, how old it is, and what changed meanwhile."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from stagedrollout.cli import status_watch
from stagedrollout.cli.status_table import lines
from stagedrollout.cli.status_watch import Screen, _documents, _tell_changes
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.storage.engine import writing
from stagedrollout.storage.outbox import OutboxTable
from tests.core.builders import DAY, NOON
from tests.knowing.world import World, superseded
from tests.reporting.histories import History, bad, completed

HEARS_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "stagedrollout", *sys.argv[1:]])
"""
"""A shell's background job ignores SIGINT, and so does all it starts: whoever is at a terminal has it by default."""


def going_on() -> History:
    return History("5.3.0", NOON + 7 * DAY).started(0, percent=10).waits(1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, superseded(completed(), 170, "5.3.0"), going_on(), bad("6.0.0", app="mail"))


def document(world: World, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.says("status", *words, "--json").stdout)
    return found


def table(world: World, width: int, *, terminal: bool = False, **how: bool) -> list[str]:
    document = json.loads(world.says("status", "--json").stdout)
    return lines(document, width, terminal=terminal, **how)


def test_one_line_tells_app_store_release_phase_exposure_since_when_and_why(world: World) -> None:
    head, *rows = [line for line in world.says("status").stdout.splitlines() if "not shown" not in line]
    assert head.split() == ["APP", "STORE", "RELEASE", "PHASE", "EXPOSURE", "SINCE", "NEXT", "LOOK", "WHY"]
    mail, shop = rows
    assert re.search(r"^mail +google_play +6.0.0 +halted +10 % +\d+d .*evidence of harm 120 : 1", mail)
    assert re.search(r"^shop +google_play +5.3.0 +rolling out +10 % +\d+d .*waits for bake", shop)


def test_what_is_over_is_hidden_and_said_to_be(world: World) -> None:
    assert "not shown: 1 superseded by newer releases (--all)" in world.says("status").stdout
    whole = world.says("status", "--all").stdout
    assert "5.2.0" in whole
    assert "not shown" not in whole
    shown, everything = (document(world, *words) for words in ((), ("--all",)))
    assert [row["release"] for row in shown["rollouts"]] == ["6.0.0", "5.3.0"]
    assert shown["not_shown"] == {"superseded": 1}
    assert [row["release"] for row in everything["rollouts"]] == ["6.0.0", "5.2.0", "5.3.0"]
    assert everything["not_shown"] == {}


def test_of_what_is_complete_the_newest_is_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Google Play no longer lists what a newer release has replaced, and its watch ended before: nothing supersedes it."""
    versions = ("5.1.0", "5.2.0", "5.3.0")
    world = World(
        tmp_path, *(completed(version, NOON + week * 7 * DAY) for week, version in enumerate(versions))
    )
    assert [row["release"] for row in document(world)["rollouts"]] == ["5.3.0"]
    assert "not shown: 2 completed before the newest (--all)" in world.says("status").stdout
    assert [row["release"] for row in document(world, "shop", "--release", "5.1.0")["rollouts"]] == ["5.1.0"]
    assert "5.1.0" in world.says("status", "shop", "--release", "5.1.0").stdout


def test_all_is_told_page_by_page_each_rollout_once(world: World) -> None:
    found, after, pages = list[str](), "", 0
    while True:
        page = document(world, "--all", "--limit", "2", "--after", after)
        found += [row["release_id"] for row in page["rollouts"]]
        after, pages = page["more"], pages + 1
        if not after:
            break
    assert (sorted(found), pages) == (["520", "530", "600"], 2)
    assert (
        "there are more: --all --after shop/google_play/520"
        in world.says("status", "--all", "--limit", "2").stdout
    )
    refused = world.says("status", "--after", "shop/google_play/520")
    assert (refused.exit_code, "--after belongs to --all" in refused.stderr) == (2, True)


def test_a_phase_of_a_newer_version_is_shown(world: World) -> None:
    """What this version does not know may be going on."""
    with writing(world.engine) as connection:
        connection.execute(text("update rollout set phase = 'strange' where key like 'shop/%'"))
    assert [row["phase"] for row in document(world, "shop")["rollouts"]] == ["strange", "strange"]


def test_a_notice_of_the_daemon_itself_counts_as_undelivered_and_is_no_release(world: World) -> None:
    """It stands in the outbox under a key that is no rollout's."""

    def reported() -> list[tuple[str, Any]]:
        releases = json.loads(world.says("report", "--json").stdout)["releases"]
        return [(each["release"], each["notices"]) for each in releases]

    before = reported()
    notice = Notice("configuration/1/refused/x", NoticeKind.REFUSED, True, "refused", (), "")
    OutboxTable(world.engine).announce(notice, NOON)
    assert "\n1 notice is not delivered yet" in world.says("status").stdout
    assert len(document(world, "--all")["rollouts"]) == 3
    assert reported() == before
    assert "(daemon)" not in "".join(
        world.says(*words).output for words in (("report",), ("status",), ("history",))
    )


def test_it_can_be_of_one_app_or_release_only(world: World) -> None:
    def releases(*words: str) -> list[str]:
        rows = json.loads(world.says("status", *words, "--json").stdout)["rollouts"]
        return [row["release"] for row in rows]

    assert releases("mail") == ["6.0.0"]
    assert releases("shop", "--release", "5.3.0") == releases("shop", "--release", "530") == ["5.3.0"]
    assert releases("shop", "--store", "app_store") == []


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_in_a_terminal_no_line_is_longer_than_it_and_what_is_cut_says_so(world: World, width: int) -> None:
    told = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in table(world, width, terminal=True)]
    assert max(map(len, told)) <= width
    assert any(line.endswith("…") for line in told) == (
        "cut at …: --long, or stagedrollout explain APP" in told
    )
    assert [line.split()[0] for line in told[1:3]] == ["mail", "shop"]


def test_reasons_are_told_in_full_below_their_line_if_somebody_asks(world: World) -> None:
    told = table(world, 60, long=True)
    assert not any("…" in line for line in told)
    assert "(halt at 100 : 1)" in " ".join(" ".join(told).split())


def test_how_old_it_is_is_said_where_no_daemon_runs(world: World) -> None:
    assert "No daemon" not in world.says("status").stdout
    world.stops()
    told = world.says("status").stdout
    assert re.search(r"No daemon is running since .*; as of 2026-03-09 13:00 UTC, .* ago\.", told)
    assert json.loads(world.says("status", "--json").stdout)["as_of"] == "2026-03-09T13:00:00+00:00"
    for words in (("history",), ("why-not", "shop"), ("export", "journal", "--all"), ("explain", "shop")):
        said = world.says(*words)
        assert ("No daemon is running" in said.stderr, said.exit_code) == (True, 0), (words, said.output)


def test_a_new_picture_costs_only_the_lines_that_differ() -> None:
    screen = Screen()
    first = screen.painted(["one", "two", "three"], 80, 24)
    assert all(word in first for word in ("one", "two", "three", "\x1b[2J"))
    assert screen.painted(["one", "two", "three"], 80, 24) == ""
    assert screen.painted(["one", "TWO", "three"], 80, 24) == "\x1b[2;1HTWO\x1b[K"
    assert screen.painted(["one"], 80, 24) == "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K"
    assert "\x1b[2J" in screen.painted(["one"], 100, 24)
    assert screen.painted(["1", "2", "3", "4"], 100, 3).endswith("… 2 more lines\x1b[K")


@contextmanager
def _watching(world: World, *words: str, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`status --watch` as somebody starts it who can press Ctrl-C; gone afterwards, also where the test fails."""
    command = [sys.executable, "-c", HEARS_CTRL_C, "status", *words, "--watch", "--config", str(world.config)]
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def _until(process: subprocess.Popen[bytes], words: str, descriptor: int) -> str:
    """What it wrote up to these words; half a minute at most."""
    told, ends = b"", time.monotonic() + 30
    while words.encode() not in told:
        assert time.monotonic() < ends, told
        over = process.poll() is not None  # asked before reading: its last words may come with its end
        more = os.read(descriptor, 65_536) if select.select([descriptor], [], [], 0.2)[0] else b""
        assert more or not over, told
        told += more
    return told.decode()


@pytest.mark.parametrize("as_json", [False, True])
def test_over_a_pipe_only_changes_are_told_and_ctrl_c_is_a_good_end(world: World, *, as_json: bool) -> None:
    history, before = going_on(), len(going_on().told)
    words = ("shop", "--json") if as_json else ("shop",)
    with _watching(world, *words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = _until(process, "waits for bake", process.stdout.fileno())
        world.writes(history.halted(3), told_before=before)
        then = _until(process, "120 : 1", process.stdout.fileno())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert "5.3.0" in first
    assert len(then.strip().splitlines()) == 1
    if as_json:
        change = json.loads(then)
        assert (change["rollout"]["phase"], change["rollout"]["app"]) == ("halted", "shop")
    else:
        assert re.search(r"shop google_play 5.3.0 halted at 10 %: .*120 : 1", then)


def test_a_terminal_is_given_back_as_it_was(world: World) -> None:
    ours, theirs = pty.openpty()
    terminal = {**os.environ, "TERM": "xterm"}
    with _watching(world, stdout=theirs, stdin=theirs, env=terminal) as process:
        told = _until(process, "Ctrl-C ends this", ours)
        assert "\x1b[?1049h" in told
        process.send_signal(signal.SIGINT)
        end = _until(process, "\x1b[?1049l", ours)
        assert "\x1b[?25h" in end
        assert process.wait(30) == 0
    os.close(theirs)
    os.close(ours)


def test_what_is_over_by_a_change_is_told_by_it_and_what_was_over_before_is_not(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_watch, "LOOK_SECONDS", 0.0)
    nobody = {"app": "", "store": "", "release": ""}
    documents = _documents(world.engine, world.config, nobody, everything=False, follows=True)
    app = going_on().key.store_app
    world.presence.pass_finished(app, NOON, next_due=None, problem="the store could not be read")
    first = next(documents)
    history, before = going_on(), len(going_on().told)
    world.writes(superseded(history, 9, "5.4.0"), told_before=before)
    world.presence.pass_finished(app, NOON, next_due=None, problem="")
    second = next(documents)
    _tell_changes(iter([first, first, second, second]), as_json=False, everything=False)
    told = [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert [line.partition(":")[0] for line in told] == [
        "a daemon is running",
        "mail google_play 6.0.0 halted at 10 %",
        "shop google_play 5.3.0 rolling out at 10 %",
        "shop on google_play",
        "shop google_play 5.3.0 superseded at 10 %",
        "shop on google_play",
    ]
    assert told[-1] == "shop on google_play: no trouble any more"
