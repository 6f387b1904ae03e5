"""What the ledger has to say against replicas that raise beside each other, and that it says nothing against others."""

from __future__ import annotations

from itertools import count

import pytest

from tests.replicas.apart import overlaps, raises

PLAY = "/androidpublisher/v3/applications/com.acme/edits"
A, B = "127.0.0.11", "127.0.0.12"


class Ledger:
    def __init__(self) -> None:
        self.requests, self._numbers = [], count(1)

    def _adds(self, service, peer, method, path, body=None, response=None):
        self.requests.append(
            {"seq": next(self._numbers), "service": service, "peer": peer, "method": method, "path": path}
            | {"body": body, "response": response}
        )

    def begins(self, peer, edit):
        self._adds("google_play", peer, "POST", PLAY, response={"id": edit})
        self._adds("google_play", peer, "GET", f"{PLAY}/{edit}/tracks/production")

    def puts(self, peer, edit, status="inProgress"):
        releases = [{"versionCodes": ["5010"], "status": "completed"}]
        releases += [{"versionCodes": ["5020"], "status": status, "userFraction": 0.5}]
        body = {"track": "production", "releases": releases}
        self._adds("google_play", peer, "PUT", f"{PLAY}/{edit}/tracks/production", body)

    def commits(self, peer, edit):
        self._adds("google_play", peer, "POST", f"{PLAY}/{edit}:commit")

    def raises(self, peer, edit, status="inProgress"):
        self.begins(peer, edit)
        self.puts(peer, edit, status)
        self.commits(peer, edit)

    def looks(self, peer):
        self._adds("app_store", peer, "GET", "/v1/apps/644/appStoreVersions")

    def patches(self, peer, state="ACTIVE"):
        body = {"data": {"attributes": {"phasedReleaseState": state}}}
        self._adds("app_store", peer, "PATCH", "/v1/appStoreVersionPhasedReleases/p1", body)


@pytest.fixture
def ledger():
    return Ledger()


def _found(ledger):
    return list(overlaps(raises(ledger.requests)))


def test_one_after_the_other_is_well(ledger):
    ledger.raises(A, "1")
    ledger.raises(B, "2")
    ledger.raises(A, "3")
    ledger.looks(A)
    ledger.patches(A)
    ledger.looks(B)
    ledger.patches(B)
    assert len(raises(ledger.requests)) == 5
    assert _found(ledger) == []


def test_an_edit_that_is_open_while_another_raises_overlaps(ledger):
    ledger.begins(A, "1")
    ledger.puts(A, "1")
    ledger.raises(B, "2")
    ledger.commits(A, "1")
    (found,) = _found(ledger)
    assert found.startswith("raises overlap: com.acme by 127.0.0.11")


def test_one_that_was_given_up_before_the_other_began_does_not(ledger):
    ledger.begins(A, "1")
    ledger.puts(A, "1")
    ledger.raises(B, "2")
    assert _found(ledger) == []


def test_a_halt_beside_a_raise_is_no_raise(ledger):
    ledger.begins(A, "1")
    ledger.puts(A, "1")
    ledger.raises(B, "2", status="halted")
    ledger.commits(A, "1")
    ledger.looks(B)
    ledger.looks(A)
    ledger.patches(A)
    ledger.patches(B, "PAUSED")
    assert _found(ledger) == []


def test_a_late_request_on_the_app_store_rests_on_an_old_look(ledger):
    ledger.looks(A)
    ledger.looks(B)
    ledger.patches(B)
    ledger.patches(A)
    (found,) = _found(ledger)
    assert found.startswith("raised without having looked since another did: p1 by 127.0.0.12")


def test_one_replica_alone_is_its_own_affair(ledger):
    ledger.begins(A, "1")
    ledger.puts(A, "1")
    ledger.raises(A, "2")
    ledger.commits(A, "1")
    assert _found(ledger) == []
