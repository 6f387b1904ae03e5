"""Secrets are read from where the configuration says, refused where others could read them, and never shown."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest

from stagedrollout.config.secrets import Secret, SecretRef, read_ref, resolve
from stagedrollout.core.errors import WrongConfiguration
from tests.config.conftest import Write

CANARY = "canary-4711"


def refused(ref: SecretRef, base: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(WrongConfiguration) as error:
        resolve(ref, base, environ=environ or {})
    assert CANARY not in str(error.value)
    assert CANARY not in repr(error.value)
    return str(error.value)


def test_a_secret_file_is_read_without_its_line_end(write: Write, tmp_path: Path):
    write(CANARY + "\n", "token")
    assert resolve(SecretRef(file="token"), tmp_path, environ={}) == Secret(CANARY)


def test_an_environment_variable_is_read(tmp_path: Path):
    assert resolve(SecretRef(env="TOKEN"), tmp_path, environ={"TOKEN": CANARY}).reveal() == CANARY


def test_an_absolute_path_is_taken_as_it_is(write: Write, tmp_path: Path):
    path = write(CANARY, "token")
    assert resolve(SecretRef(file=str(path)), tmp_path / "elsewhere", environ={}).reveal() == CANARY


def test_a_link_to_a_safe_file_is_followed(write: Write, tmp_path: Path):
    write(CANARY, "real")
    (tmp_path / "token").symlink_to("real")
    assert resolve(SecretRef(file="token"), tmp_path, environ={}).reveal() == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
    write: Write, tmp_path: Path, mode: int
):
    write(CANARY, "token").chmod(mode)
    text = refused(SecretRef(file="token"), tmp_path)
    assert text.endswith(f"others can read or write the file token (mode {mode:04o}); chmod 600 token")


def test_a_link_into_a_folder_in_which_anybody_could_exchange_the_file_is_refused(
    write: Write, tmp_path: Path
):
    (tmp_path / "open").mkdir()
    write(CANARY, "open/real")
    (tmp_path / "token").symlink_to("open/real")
    (tmp_path / "open").chmod(0o777)
    said = refused(SecretRef(file="token"), tmp_path)
    assert (
        f"others can exchange the file token: they can write its folder {tmp_path / 'open'} (mode 0777)"
        in said
    )
    assert f"chmod o-w {tmp_path / 'open'}" in said
    (tmp_path / "open").chmod(0o1777)  # as /tmp: only a file's owner can exchange it
    assert resolve(SecretRef(file="token"), tmp_path, environ={}).reveal() == CANARY


def test_what_systemd_hands_over_is_read_by_its_name(write: Write, tmp_path: Path):
    given = write(CANARY + "\n", "handed/slack-token")
    environ = {"CREDENTIALS_DIRECTORY": str(given.parent)}
    for mode in (0o400, 0o440):  # the group's bits are the mask of the list that opens it to the service
        given.chmod(mode)
        found = resolve(SecretRef(credential="slack-token"), tmp_path, environ=environ)
        assert found.reveal() == CANARY
    for mode in (0o444, 0o420):
        given.chmod(mode)
        assert "others can read or write" in refused(SecretRef(credential="slack-token"), tmp_path, environ)


def test_a_credential_that_systemd_did_not_hand_over_is_told_with_the_line_that_mends_it(tmp_path: Path):
    said = refused(SecretRef(credential="slack-token"), tmp_path)
    assert "CREDENTIALS_DIRECTORY is not set; write LoadCredential=slack-token:/path" in said
    said = refused(SecretRef(credential="other"), tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "the credential other does not exist; write LoadCredential=other:/path" in said


@pytest.mark.parametrize("name", ["../token", "a/b", ".hidden", "", "ä", 5, None])
def test_a_credential_s_name_leads_nowhere_else(name: object):
    with pytest.raises(ValueError, match="credential takes a name"):
        read_ref({"credential": name})


def test_a_file_of_somebody_else_is_refused(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(CANARY, "token")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in refused(SecretRef(file="token"), tmp_path)


def test_a_missing_file_is_named(tmp_path: Path):
    assert "the file token does not exist" in refused(SecretRef(file="token"), tmp_path)


def test_a_missing_variable_is_named(tmp_path: Path):
    assert "the environment variable TOKEN is not set" in refused(
        SecretRef(env="TOKEN"), tmp_path, {"OTHER": CANARY}
    )


@pytest.mark.parametrize("content", ["", " \n\t\n"])
def test_an_empty_secret_is_no_secret(write: Write, tmp_path: Path, content: str):
    write(content, "token")
    assert "is empty" in refused(SecretRef(file="token"), tmp_path)
    assert "is empty" in refused(SecretRef(env="TOKEN"), tmp_path, {"TOKEN": content})


def test_a_folder_and_a_pipe_are_refused_at_once(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no regular file" in refused(SecretRef(file="folder"), tmp_path)
    assert "is no regular file" in refused(SecretRef(file="pipe"), tmp_path)


def test_something_huge_or_binary_is_refused_without_its_content(write: Write, tmp_path: Path):
    write(CANARY * 10_000, "huge")
    write(CANARY.encode() + b"\xff", "binary")
    assert "larger than 64 KiB" in refused(SecretRef(file="huge"), tmp_path)
    assert "is not text" in refused(SecretRef(file="binary"), tmp_path)


def test_a_path_through_a_file_is_told_and_not_a_crash(write: Write, tmp_path: Path):
    write(CANARY, "token")
    assert "cannot be read: not a directory" in refused(SecretRef(file="token/inside"), tmp_path)


@pytest.mark.promise("R24")
def test_a_secret_never_shows_itself():
    secret = Secret(CANARY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>10}",
        f"{secret:>10}",
        format(secret),
        repr([secret]),
    ):
        assert CANARY not in shown
    assert CANARY not in str(dir(secret))


@pytest.mark.promise("R24")
def test_a_secret_cannot_be_stored_copied_or_used_as_a_key():
    secret = Secret(CANARY)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy, hash):
        with pytest.raises(TypeError) as error:
            attempt(secret)
        assert CANARY not in str(error.value)


def test_secrets_compare_by_value_and_with_nothing_else():
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
