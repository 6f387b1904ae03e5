"""Whose name an order has: the account's, or, where the account is reached by sudo alone, the caller's."""

from __future__ import annotations

import os
import pwd
from types import SimpleNamespace

import pytest

from stagedrollout.cli.ordering import acting_user

ACCOUNTS = {
    0: ("root", "/bin/bash"),
    998: ("stagedrollout", "/usr/sbin/nologin"),
    1001: ("ana", "/bin/bash"),
    1002: ("bo", "/usr/bin/zsh"),
}


@pytest.mark.parametrize(
    ("account", "claimed", "name"),
    [
        (1001, None, "ana"),
        (0, "1001", "ana"),
        (998, "1001", "ana"),
        (998, None, "stagedrollout"),
        (0, "", "root"),
        (0, "bo", "root"),
        (1002, "1001", "bo"),
        (1001, "1002", "ana"),
        (4242, "1001", "uid 4242"),
        (0, "4242", "uid 4242"),
    ],
)
def test_sudo_is_believed_where_nobody_could_have_claimed_it_otherwise(monkeypatch, account, claimed, name):
    def found(user: int) -> SimpleNamespace:
        if user not in ACCOUNTS:
            raise KeyError(user)
        return SimpleNamespace(pw_name=ACCOUNTS[user][0], pw_shell=ACCOUNTS[user][1])

    monkeypatch.setattr(os, "geteuid", lambda: account)
    monkeypatch.setattr(os, "getuid", lambda: account)
    monkeypatch.setattr(pwd, "getpwuid", found)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if claimed is not None:
        monkeypatch.setenv("SUDO_UID", claimed)
    assert acting_user() == name
