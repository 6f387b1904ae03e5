"""What is said about being watched: where to listen, and whom to ask each minute."""

from __future__ import annotations

import pytest

from stagedrollout.config.load import check, load
from tests.config.conftest import GOOD, SECRETS, Write


def listening(at: str, more: str = "") -> str:
    return GOOD + f'health: {{listen: "{at}"{more}}}\n'


def told(write: Write, text: str, **environ: str) -> list[str]:
    path = write(text)
    write("{}", "play.json")
    problems = [str(problem) for problem in check(path, environ={**SECRETS, **environ})]
    return [problem.removeprefix(f"{path}:") for problem in problems]


@pytest.mark.parametrize("at", ["127.0.0.1:9464", "[::1]:9464", "127.7.7.7:1", "127.0.0.1:65535"])
def test_this_machine_needs_no_further_word(write: Write, at: str):
    assert told(write, listening(at)) == []
    assert load(write(listening(at)), environ={}).settings.health.listen == at


@pytest.mark.parametrize("at", ["0.0.0.0:9464", "10.0.0.7:9464", "[::]:9464"])
def test_other_machines_are_answered_only_where_that_is_said(write: Write, at: str):
    assert [
        "health.listen: this can be reached from other machines" in one for one in told(write, listening(at))
    ] == [True]
    assert told(write, listening(at, ", allow_network: true")) == []


@pytest.mark.parametrize(
    "at",
    [
        "",
        "9464",
        ":9464",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:9464",
        "[127.0.0.1]:1x",
    ],
)
def test_what_is_no_address_is_refused_with_its_place(write: Write, at: str):
    (problem,) = told(write, listening(at))
    assert "write an address of this machine and a port, like 127.0.0.1:9464 or [::1]:9464" in problem
    assert problem.startswith("11:18: health.listen: ")


DEAD_MAN = GOOD + "health: {dead_man_url: {env: DEAD_MAN}}\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://hc-ping.com/0f9d2c1e",
        "https://push.example.com/api/x?status=up&msg=OK",
        "http://127.0.0.1:8/x",
    ],
)
def test_an_address_to_be_asked_each_minute(write: Write, url: str):
    assert told(write, DEAD_MAN, DEAD_MAN=url) == []


@pytest.mark.parametrize(
    "url",
    [
        "hc-ping.com/CANARY",
        "http://hc-ping.com/CANARY",
        "ftp://hc-ping.com/CANARY",
        "https://u:CANARY@hc-ping.com/x",
        "https://hc-ping.com/../CANARY",
        "https://[CANARY/",
        "https://169.254.169.254/CANARY",
    ],
)
@pytest.mark.promise("R24")
def test_what_is_none_is_told_without_being_shown(write: Write, url: str):
    (problem,) = told(write, DEAD_MAN, DEAD_MAN=url)
    assert "health.dead_man_url: the environment variable DEAD_MAN holds no such address" in problem
    assert "CANARY" not in problem


def test_the_emulators_clock_asks_nobody_beyond_this_machine(write: Write):
    problems = told(write, DEAD_MAN + "clock: emulator\n", DEAD_MAN="https://hc-ping.com/0f9d2c1e")
    assert any(
        "health.dead_man_url: the emulator's clock needs an address on this machine" in one
        for one in problems
    )
