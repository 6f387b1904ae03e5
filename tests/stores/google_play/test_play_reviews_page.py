"""A page of reviews through Google's client: what is asked for, sent once, and how a refusal reads."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httplib2
import pytest
from play_fake import HTML, PACKAGE, TOKEN, Answer, client_of, error

from stagedrollout.core.errors import Denied, Faulty, Rejected, Throttled, Unreachable

BODY = {"reviews": [{"reviewId": "gp:AOqpTO", "comments": []}], "tokenPagination": {"nextPageToken": "CAE="}}


@dataclass
class Reviews:
    """Answers every request for reviews with one thing."""

    says: object = field(default_factory=lambda: Answer(200, json.dumps(BODY).encode()))
    asked: list = field(default_factory=list)

    def request(self, uri, method="GET", body=None, headers=None, redirections=5, connection_type=None):
        parts = urlsplit(uri)
        if parts.path == "/token":
            token = {"access_token": f"{TOKEN}-1", "expires_in": 3600, "token_type": "Bearer"}
            return httplib2.Response({"status": "200"}), json.dumps(token).encode()
        assert headers["authorization"] == f"Bearer {TOKEN}-1"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path, query))
        if isinstance(self.says, Exception):
            raise self.says
        return httplib2.Response({**self.says.headers, "status": str(self.says.status)}), self.says.body


def test_pages_are_asked_for_by_their_token():
    wire = Reviews()
    client = client_of(wire)
    assert client.reviews(PACKAGE) == BODY
    assert client.reviews(PACKAGE, "CAE=") == BODY
    path = f"/androidpublisher/v3/applications/{PACKAGE}/reviews"
    assert wire.asked == [
        ("GET", path, {"maxResults": "100", "alt": "json"}),
        ("GET", path, {"maxResults": "100", "token": "CAE=", "alt": "json"}),
    ]


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (error(403, "The caller does not have permission", status="PERMISSION_DENIED"), Denied),
        (error(400, "Invalid token"), Rejected),
        (error(429, "Quota exceeded", status="RESOURCE_EXHAUSTED"), Throttled),
        (error(503, "Backend error", status="UNAVAILABLE"), Faulty),
        (HTML, Faulty),
        (TimeoutError("slow"), Unreachable),
    ],
)
def test_a_refusal_is_one_of_our_errors_and_nothing_is_asked_twice(says, kind):
    wire = Reviews(says)
    with pytest.raises(kind) as failed:
        client_of(wire).reviews(PACKAGE)
    assert failed.value.doing == "reading reviews"
    assert TOKEN not in str(failed.value)
    assert len(wire.asked) == 1
