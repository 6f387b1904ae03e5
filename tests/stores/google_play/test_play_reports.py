"""What Play reports, through Google's clients: where it is asked, with which scope, and what is too much."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httplib2
import jwt
import pytest
from play_fake import PACKAGE, TOKEN, error, key_file

from stagedrollout.core.errors import Denied, Faulty
from stagedrollout.stores.google_play.reports import PlayBuckets, PlayReporting
from stagedrollout.stores.google_play.wire import BODY_BYTES_MAX

FILE = "stats/ratings/ratings_com.acme.app_202603_app_version.csv"
ROWS = {"rows": []}


@dataclass
class Google:
    """Answers everything but the token with one thing."""

    status: int = 200
    body: bytes = json.dumps(ROWS).encode()
    kind: str = "application/json"
    asked: list = field(default_factory=list)
    scopes: list = field(default_factory=list)

    def request(self, uri, method="GET", body=None, headers=None, redirections=5, connection_type=None):
        if urlsplit(uri).path == "/token":
            assertion = parse_qs(body.decode() if isinstance(body, bytes) else body)["assertion"][0]
            self.scopes.append(jwt.decode(assertion, options={"verify_signature": False})["scope"])
            token = {"access_token": f"{TOKEN}-1", "expires_in": 3600, "token_type": "Bearer"}
            return httplib2.Response({"status": "200"}), json.dumps(token).encode()
        assert redirections == 0
        self.asked.append((method, uri, headers["accept-encoding"]))
        return httplib2.Response({"status": str(self.status), "content-type": self.kind}), self.body


def test_vitals_are_asked_at_googles_own_address_with_their_own_scope():
    google = Google()
    vitals = PlayReporting(key_file(), open_http=lambda: google).anrs(PACKAGE)
    assert vitals.rows({"metrics": ["anrRate"]}) == ROWS
    (asked,) = google.asked
    root = "https://playdeveloperreporting.googleapis.com/v1beta1"
    assert asked == ("POST", f"{root}/apps/{PACKAGE}/anrRateMetricSet:query?alt=json", "identity")
    assert google.scopes == ["https://www.googleapis.com/auth/playdeveloperreporting"]


def test_files_are_asked_at_googles_own_address_with_their_own_scope():
    google = Google(body=b"\xff\xfeD\x00", kind="text/csv")
    bucket = PlayBuckets(key_file(), open_http=lambda: google).named("pubsite_prod_rev_01234")
    assert bucket.content(FILE) == b"\xff\xfeD\x00"
    (asked,) = google.asked
    root = "https://storage.googleapis.com/storage/v1/b/pubsite_prod_rev_01234/o"
    assert asked == ("GET", f"{root}/{FILE.replace('/', '%2F')}?alt=media", "identity")
    assert google.scopes == ["https://www.googleapis.com/auth/devstorage.read_only"]


def test_another_address_keeps_the_path_below_it():
    """The override replaces /storage/v1/ (google-play.md section 10)."""
    google = Google()
    buckets = PlayBuckets(key_file(), endpoint="http://127.0.0.1:9", open_http=lambda: google)
    buckets.named("pubsite_prod_01234").listed("stats/")
    assert google.asked[0][1].startswith("http://127.0.0.1:9/storage/v1/b/pubsite_prod_01234/o?")


def test_a_file_beyond_measure_is_not_kept():
    google = Google(body=b"x" * (BODY_BYTES_MAX + 1), kind="text/csv")
    with pytest.raises(Faulty, match="more than"):
        PlayBuckets(key_file(), open_http=lambda: google).named("pubsite_prod_01234").content(FILE)


def test_a_refusal_is_one_of_our_errors_and_tells_no_secret():
    refused = error(403, f"{TOKEN}-1 does not have storage.objects.get access", status="PERMISSION_DENIED")
    google = Google(status=403, body=refused.body)
    with pytest.raises(Denied, match=r"does not have storage\.objects\.get access") as caught:
        PlayBuckets(key_file(), open_http=lambda: google).named("pubsite_prod_01234").listed("stats/")
    assert TOKEN not in str(caught.value)
    assert len(google.asked) == 1


def test_a_hostile_name_stays_one_part_of_the_path():
    google = Google()
    PlayBuckets(key_file(), open_http=lambda: google).named("pubsite_prod_01234").content("../../x?alt=json#")
    path = urlsplit(google.asked[0][1]).path
    assert path.endswith("/o/..%2F..%2Fx%3Falt%3Djson%23")
