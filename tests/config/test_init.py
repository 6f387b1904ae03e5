"""`init`: what it asks, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import stat
import sys
import time

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from stagedrollout.cli.main import cli
from stagedrollout.cli.ordering import acting_user
from stagedrollout.config.load import check, load
from stagedrollout.config.schema import FILES, schema
from stagedrollout.config.starting import Answers, SecretsIn, configuration_text
from stagedrollout.config.yaml_source import parse
from stagedrollout.core.model import Mode
from stagedrollout.core.people import EVERY_RIGHT

PLAY = ("--package", "com.acme.shop", "--sentry-organization", "acme")
APPLE = ("--app-store-id", "6448311069", "--bundle-id", "com.acme.shop", "--key-id", "2X9R4HXF34")
ENV = {"TZ": "Europe/Berlin"}
CTRL_C = b"\x03"


def _init(folder, *options):
    return CliRunner().invoke(cli, ["init", str(folder), *options], env=ENV)


def _files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("stores", [PLAY, PLAY[2:] + APPLE, PLAY + APPLE], ids=["play", "apple", "both"])
@pytest.mark.parametrize("secrets", SecretsIn)
@pytest.mark.parametrize("slack", [(), ("--slack-channel", "C0123ABCD")], ids=["log", "slack"])
def test_what_is_written_passes_check_but_for_the_secrets_which_are_named(tmp_path, stores, secrets, slack):
    folder = tmp_path / "shop"
    done = _init(folder, *stores, *slack, "--secrets", secrets.value, "--yes")
    assert done.exit_code == 0, done.output
    path = folder / "stagedrollout.yaml"
    loaded = load(path, environ={})
    missing = {problem.where for problem in check(path, environ={})}
    assert missing == {place for place in missing if place.endswith(("credentials", "key", "token"))}
    assert len(missing) == 1 + ("--package" in stores) + ("--app-store-id" in stores) + bool(slack)
    (app,) = loaded.settings.apps
    assert (app.name, app.mode, app.policy) == ("shop", Mode.OBSERVE, "team")
    assert loaded.policies["team"].calendar.time_zone == "Europe/Berlin"


def test_who_begins_with_it_stands_there_to_be_listed(tmp_path):
    """Nobody is listed before the team says so: a list of one would forbid all others to raise anything."""
    assert _init(tmp_path, "--app", "shop", *PLAY, "--yes").exit_code == 0
    path = tmp_path / "stagedrollout.yaml"
    assert load(path, environ={}).settings.people == ()
    text = path.read_text("utf-8")
    begin, end = text.index("# people:"), text.index("apps:")
    block = "".join(line.removeprefix("# ") for line in text[begin:end].splitlines(keepends=True))
    path.write_text(text[:begin] + block + text[end:], "utf-8")
    (person,) = load(path, environ={}).settings.people
    assert (person.name, person.os_user) == (acting_user(), acting_user())
    assert (person.groups, person.rights) == (("release",), EVERY_RIGHT)


@pytest.mark.parametrize("user", ["", "uid 1000", "a`b"])
def test_an_account_without_a_usable_name_is_an_example_instead(user):
    answers = Answers(
        app="shop",
        package="com.acme.shop",
        sentry_url="https://sentry.io",
        sentry_organization="acme",
        os_user=user,
    )
    assert "#     os_user: ana " in configuration_text(answers)


def test_with_the_secrets_in_their_places_check_is_content(tmp_path):
    assert _init(tmp_path, "--app", "shop", *PLAY, "--yes").exit_code == 0
    for name in ("play.json", "sentry-token"):
        secret = tmp_path / "secrets" / name
        secret.write_text("not a secret")
        secret.chmod(0o600)
    result = CliRunner().invoke(cli, ["check", "--config", str(tmp_path / "stagedrollout.yaml")])
    assert (result.exit_code, result.output) == (0, f"{tmp_path / 'stagedrollout.yaml'}: all is well\n")


def test_what_is_written_fits_the_schemas_that_it_names(tmp_path):
    assert _init(tmp_path, "--app", "shop", *PLAY, *APPLE, "--yes").exit_code == 0
    for name, file in {"config": "stagedrollout.yaml", "policy": "policies/team.yaml"}.items():
        path = tmp_path / file
        first, _, text = path.read_text().partition("\n")
        named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        assert json.loads(named.read_text()) == schema(name)
        document, problems = parse(file, text)
        assert problems == []
        Draft7Validator(schema(name)).validate(document.data)
    assert set(FILES) == {"config", "policy"}


def test_what_comes_next_is_said_and_what_is_missing_named(tmp_path):
    said = _init(tmp_path, "--app", "shop", *PLAY, "--yes").output
    path = tmp_path / "stagedrollout.yaml"
    for command in ("check", "doctor", "run"):
        assert f"stagedrollout {command} --config {path}" in said
    assert "secrets/play.json: the JSON key of a service account" in said
    assert "chmod 600" in said


def test_files_are_for_their_user_alone_and_secrets_for_no_repository(tmp_path):
    umask = os.umask(0)
    try:
        assert _init(tmp_path, "--app", "shop", *PLAY, "--yes").exit_code == 0
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    for name in _files(tmp_path):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    assert (tmp_path / "secrets" / ".gitignore").read_text() == "*\n"


def test_nothing_that_is_there_is_overwritten_without_force(tmp_path):
    (tmp_path / "policies").mkdir()
    mine = tmp_path / "policies" / "team.yaml"
    mine.write_text("# mine\n")
    refused = _init(tmp_path, "--app", "shop", *PLAY, "--yes")
    assert refused.exit_code == 2
    assert str(mine) in refused.output
    assert "--force" in refused.output
    assert _files(tmp_path) == ["policies/team.yaml"]
    assert mine.read_text() == "# mine\n"
    assert _init(tmp_path, "--app", "shop", *PLAY, "--yes", "--force").exit_code == 0
    assert "mine" not in mine.read_text()


def test_a_link_is_not_written_through(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "stagedrollout.yaml").symlink_to(elsewhere)
    assert _init(folder, *PLAY, "--yes").exit_code == 2
    assert _init(folder, *PLAY, "--yes", "--force").exit_code == 0
    assert not elsewhere.exists()


def test_without_a_terminal_every_option_that_is_missing_is_named(tmp_path):
    done = _init(tmp_path)
    assert done.exit_code == 2
    for option in (
        "--package or --app-store-id",
        "--sentry-organization",
        "--time-zone",
        "--slack-channel",
        "--yes",
    ):
        assert option in done.output
    assert _files(tmp_path) == []


def test_yes_takes_no_default_where_there_is_none(tmp_path):
    done = _init(tmp_path, "--app-store-id", "6448311069", "--yes")
    assert done.exit_code == 2
    assert "--bundle-id, --key-id, --sentry-organization" in done.output
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--package", "shop"), "com.acme.app"),
        (("--app", "My Shop"), "acme-shop"),
        (("--slack-channel", "#release"), "not its name"),
        (("--time-zone", "Berlin"), "Europe/Berlin"),
        (("--secrets", "here"), "file, env, credential"),
        (("--sentry-url", "ftp://x"), "web address"),
        (("--bundle-id", "com.acme.shop"), "add --app-store-id"),
    ],
)
def test_a_wrong_answer_is_refused_as_the_configuration_would(tmp_path, options, said):
    done = _init(tmp_path, *PLAY, *options, "--yes")
    assert done.exit_code == 2
    assert said in done.output
    assert _files(tmp_path) == []


@pytest.mark.parametrize("word", ["123", "1e5", "true", "null", "0x1f", "-", "12:30", "1_000"])
def test_a_slug_that_yaml_would_read_as_something_else_stays_a_text(word):
    answers = Answers(
        app="123",
        package="a.b",
        sentry_url="https://sentry.io",
        sentry_organization=word,
        sentry_android_project=word,
    )
    document, problems = parse("x", configuration_text(answers))
    assert problems == []
    assert document.get("sentry", "organization") == word
    assert document.get("apps", 0, "google_play", "sentry", "project") == word


def test_in_a_terminal_it_asks_and_asks_again_what_it_cannot_take(tmp_path):
    answers = ["", "shop", "com.acme.shop", "", "", "", "acme", "", "", "", ""]
    said, code = _typed([str(tmp_path / "shop")], answers)
    assert code == 0, said
    assert "like com.acme.app" in said
    assert "[shop]" in said
    loaded = load(tmp_path / "shop" / "stagedrollout.yaml", environ={})
    assert loaded.settings.apps[0].google_play.package == "com.acme.shop"


def test_what_an_option_answers_is_not_asked(tmp_path):
    said, code = _typed([str(tmp_path), "--app", "shop", *PLAY, "--time-zone", "UTC"], [""] * 6)
    assert code == 0, said
    assert "called here" not in said
    assert "time zone of" not in said


def test_breaking_off_writes_nothing(tmp_path):
    said, code = _typed([str(tmp_path), "--app", "shop"], ["com.acme.shop", CTRL_C.decode()])
    assert code == 1
    assert "Aborted" in said
    assert _files(tmp_path) == []


def _typed(options, answers):
    """What it says in a terminal in which these lines are typed, and how it ends."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job ignores it
        os.environ.update(ENV, COLUMNS="200", TERM="dumb")
        os.execv(sys.executable, [sys.executable, "-m", "stagedrollout", "init", *options])
    said, left, breaking_off, ends = "", list(answers), False, time.monotonic() + 60
    while time.monotonic() < ends:
        if not select.select([terminal], [], [], 0.5)[0]:
            if breaking_off:  # readline misses the one that comes just before it waits: people press again
                os.write(terminal, CTRL_C)
            continue
        try:
            piece = os.read(terminal, 4096).decode()
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        said += piece
        if said.endswith(": ") and left:
            answer = left.pop(0)
            breaking_off = answer == CTRL_C.decode()
            os.write(terminal, CTRL_C if breaking_off else f"{answer}\n".encode())
    os.close(terminal)
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
