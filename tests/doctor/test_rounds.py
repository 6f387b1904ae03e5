"""Everything at once and within bounds; what is wrong with one is no other's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import stagedrollout.doctor
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.settings import AppSettings, SentryAccess, Settings
from stagedrollout.core.errors import Denied, Unreachable
from stagedrollout.doctor import house, rounds
from stagedrollout.doctor.finding import Finding, State, Telling, exit_code
from stagedrollout.doctor.rounds import Unit, examined
from stagedrollout.doctor.signals import Source, questions
from tests.doctor.desk import ANDROID, IOS, Desk, in_section

TELL = Telling("sentry")


def test_a_service_that_hangs_is_unknown_and_the_others_are_told(desk: Desk) -> None:
    desk.configures(lambda document: document.update(limits={"http_timeout": "1s"}))
    desk.breaks("sentry", "slow", seconds=3.0)
    desk.examines()
    assert desk.finding("sentry", "access").state is State.UNKNOWN
    assert desk.finding(ANDROID, "sentry").said.startswith("sentry could not be asked (look up the project)")
    assert desk.finding(ANDROID, "track").state is State.OK
    assert desk.finding(IOS, "versions").state is State.OK
    assert exit_code(desk.found) == 1


def test_what_takes_too_long_altogether_is_unknown_and_keeps_what_it_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "PATIENCE_SECONDS", 0.05)
    import threading  # noqa: PLC0415

    hold = threading.Event()

    def slow() -> Iterator[Finding]:
        yield TELL.ok("organization", "there it is")
        hold.wait(5)
        yield TELL.ok("scopes", "never told")

    def quick() -> Iterator[Finding]:
        yield Telling("slack").ok("token", "fine")

    waited: list[str] = []
    found = examined([Unit(TELL, slow), Unit(Telling("slack"), quick)], waited.append)
    hold.set()
    assert [(one.subject, one.state) for one in found] == [
        ("sentry", State.OK),
        ("sentry", State.UNKNOWN),
        ("slack", State.OK),
    ]
    assert waited[0] == "sentry, slack"


def test_a_mistake_of_ours_is_told_as_one_and_ends_nothing_else() -> None:
    def broken() -> Iterator[Finding]:
        yield TELL.ok("organization", "there it is")
        raise KeyError("secret")

    found = examined([Unit(TELL, broken)], lambda _: None)
    assert [one.state for one in found] == [State.OK, State.UNKNOWN]
    assert "KeyError" in found[1].said
    assert "secret" not in found[1].said


def test_a_refusal_is_a_problem_and_silence_is_unknown() -> None:
    refused = TELL.failed("access", Denied("sentry", "reading", "no", status=403))
    silent = TELL.failed("access", Unreachable("sentry", "reading", "timed out"))
    assert (refused.state, silent.state) == (State.PROBLEM, State.UNKNOWN)
    assert exit_code([TELL.warning("x", "y"), TELL.note("x", "y")]) == 0


def test_every_other_source_is_read_once() -> None:
    def unreachable() -> list[str]:
        raise Unreachable("prometheus", "querying", "timed out")

    sources = [
        Source("checkout", lambda: [""], "in checkouts, 15m late"),
        Source("stars", lambda: ["nobody rated it yet"]),
        Source("till", unreachable),
    ]
    found = list(questions(TELL, sources))
    assert [one.state for one in found] == [State.OK, State.NOTE, State.UNKNOWN]
    assert "in checkouts, 15m late" in found[0].said


def test_no_secret_is_ever_told(desk: Desk) -> None:
    desk.examines(probing=True)
    desk.breaks("sentry", "401")
    desk.breaks("slack", "401")
    told = " ".join(one.said + one.right for one in (*desk.found, *desk.examines()))
    credentials = desk.world.credentials
    key = (desk.config.parent / "secrets" / "play.json").read_text("utf-8")
    assert credentials.sentry_token not in told
    assert credentials.slack_token not in told
    assert not [line for line in key.split("\\n") if len(line) > 30 and line in told]


def test_one_app_can_be_asked_about_alone(desk: Desk) -> None:
    desk.examines(app="nobody", probing=True)
    assert "only there is an edit to probe" in desk.finding("configuration", "probe").said
    assert {one.subject for one in desk.found} == {
        "configuration",
        "google_play",
        "app_store",
        "sentry",
        "slack",
    }


def test_plain_http_beyond_this_machine_is_warned_of() -> None:
    token = SecretRef(env="TOKEN")
    sentry = SentryAccess(organization="acme", token=token, url="http://sentry.internal", allow_http=True)
    app = AppSettings(name="acme", policy="standard")
    settings = Settings(database="sqlite:///x.db", apps=(app,), sentry=sentry)
    found = {one.about: one for one in house.remarks(TELL, settings)}
    assert "sentry.internal" in found["plain http"].said
    assert {about for about, one in found.items() if one.state is State.WARNING} == {
        "plain http",
        "notices",
        "alarm",
    }
    assert "observe" in found["mode"].said


def test_there_is_no_commit_in_the_room() -> None:
    """Whatever is written, is written into an edit that nobody here can commit."""
    folder = Path(stagedrollout.doctor.__file__).parent
    survey = folder.parent / "stores" / "google_play" / "survey.py"
    for file in (*folder.glob("*.py"), survey):
        names = {
            node.attr
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert names & {"commit", "apply", "halt", "raised"} == set(), file.name


def test_a_configuration_is_examined_through_the_daemons_own_clients(desk: Desk) -> None:
    desk.configures(in_section("sentry", url="http://127.0.0.1:9"))
    desk.examines()
    assert desk.finding("sentry", "access").state is State.UNKNOWN
    assert desk.finding(ANDROID, "track").state is State.OK
