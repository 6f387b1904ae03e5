"""Google's certificate is checked on each connection, by what this machine trusts, which is read once."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import httplib2
import pytest

from stagedrollout.stores.google_play.wire import BoundedHttp
from tests.http.loopback import answer, certificate, says, served


def test_what_this_machine_trusts_is_read_once_for_many_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certificate(tmp_path)
    monkeypatch.setattr(httplib2, "CA_CERTS", str(trusted))
    read = _readings(monkeypatch)
    with served(says(answer(b"hello")), tls=tls) as world:
        for _ in range(5):
            assert BoundedHttp(5.0).request(world.base_url)[1] == b"hello"
    assert read == [str(trusted)]


def test_whom_this_machine_does_not_trust_any_more_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of trusted certificates is exchanged while the daemon runs."""
    tls, trusted = certificate(tmp_path)
    monkeypatch.setattr(httplib2, "CA_CERTS", str(trusted))
    with served(says(answer(b"hello")), tls=tls) as world:
        assert BoundedHttp(5.0).request(world.base_url)[1] == b"hello"
        (tmp_path / "other").mkdir()
        _, other = certificate(tmp_path / "other")
        trusted.write_bytes(other.read_bytes())
        os.utime(trusted, ns=(1, 1))
        with pytest.raises(ssl.SSLCertVerificationError):
            BoundedHttp(5.0).request(world.base_url)
    assert len(world.requests) == 1


def _readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []
    build: Any = vars(httplib2)["_build_ssl_context"]

    def counting(unchecked: bool, ca_certs: str, *more: Any, **named: Any) -> ssl.SSLContext:
        read.append(ca_certs)
        made: ssl.SSLContext = build(unchecked, ca_certs, *more, **named)
        return made

    monkeypatch.setattr(httplib2, "_build_ssl_context", counting)
    return read
