"""A Play small enough to hold in one's head, at the HTTP seam: what httplib2 would have been asked and told.

It keeps one track of one package, applies a commit as google-play.md section 4 says, and can be told to
fail at any step: with a recorded answer, with an exception, before or after the step took effect.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httplib2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stagedrollout.core.model import StoreState
from stagedrollout.core.policy import HaltInReview
from stagedrollout.stores.google_play import GooglePlay, PlayClient

PACKAGE = "com.acme.app"
TOKEN = "canary-access-token-0123456789"
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

OLD = {"name": "5.1.0", "versionCodes": ["5010"], "status": "completed", "futureField": {"a": [1, 2.5, None]}}
NEW = {
    "name": "5.2.0",
    "versionCodes": ["5020", "5019"],
    "status": "inProgress",
    "userFraction": 0.1,
    "releaseNotes": [{"language": "en-US", "text": "Fixes. ü \ud83d"}],
    "inAppUpdatePriority": 2,
    "countryTargeting": {"countries": ["DE", "AT"], "includeRestOfWorld": False},
    "somethingNew": {"deep": [{"x": 1}]},
}
NEXT = {"name": "5.3.0", "versionCodes": ["5030"], "status": "draft"}

E7_DETAILS = [
    {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "CHANGES_ALREADY_IN_REVIEW",
        "domain": "googleapis.com",
    }
]


def release(template: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A release like `template`; a change to None removes the field."""
    one = {**copy.deepcopy(template), **changes}
    return {name: value for name, value in one.items() if value is not None}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def error(
    code: int,
    message: str,
    *,
    status: str = "INVALID_ARGUMENT",
    reason: str = "badRequest",
    details: Any = None,
) -> Answer:
    """An error in Google's v2 format (google-play.md section 6)."""
    inside: dict[str, Any] = {
        "code": code,
        "message": message,
        "status": status,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
    }
    if details:
        inside["details"] = details
    return Answer(code, json.dumps({"error": inside}).encode(), {"content-type": "application/json"})


def old_error(code: int, message: str, reason: str) -> Answer:
    """An error in the format from before about 2020."""
    item = {"domain": "androidpublisher", "reason": reason, "message": message}
    return Answer(code, json.dumps({"error": {"code": code, "message": message, "errors": [item]}}).encode())


HTML = Answer(
    502,
    f"<html><title>Error 502</title>authorization: Bearer {TOKEN}</html>".encode(),
    {"content-type": "text/html"},
)
EDIT_DELETED = error(400, "This Edit has been deleted.", status="FAILED_PRECONDITION")
IN_REVIEW = error(
    400,
    "You already have changes in review. Cancel this review or wait until it has finished.",
    status="FAILED_PRECONDITION",
    details=E7_DETAILS,
)
NOT_BY_ITSELF = error(
    400,
    "Changes cannot be sent for review automatically. Please set the query parameter "
    "changesNotSentForReview to true.",
)
BY_ITSELF = error(
    400,
    "Changes are sent for review automatically. The query parameter changesNotSentForReview must not be set",
)
MUST_HAVE = error(400, "HALTED release must have fraction.")
MUST_NOT_HAVE = error(400, "HALTED release must not have fraction.")


@dataclass(frozen=True)
class Fault:
    """What happens at one step: an answer or an exception, before or after it took effect."""

    what: Answer | Exception
    after: bool = False


@dataclass(frozen=True)
class Call:
    step: str
    query: dict[str, list[str]]
    body: Any
    edit: str
    headers: dict[str, str]


class FakePlay:
    """`track` is what is deployed; `reviews` what releases.list says, by version code."""

    def __init__(self, *releases: dict[str, Any], name: str = "production") -> None:
        self.name = name
        self.track_names: tuple[str, ...] = (name,)
        self.track: dict[str, Any] = {
            "track": name,
            "releases": list(copy.deepcopy(releases)),
            "kind": "x#track",
        }
        self.reviews: dict[int, str] = {
            max(map(int, one["versionCodes"])): "PUBLISHED" for one in releases if one["status"] != "draft"
        }
        self.review_of_changes = "PUBLISHED"
        self.in_review = False
        self.rejected = False
        self.fallback: dict[str, Any] | None = None
        self.halted_fraction_rule: str = "by_previous"
        self.same_edit_twice = False
        self.edits: dict[str, dict[str, Any]] = {}
        self.calls: list[Call] = []
        self.faults: dict[str, list[Fault | None]] = {}
        self.tokens_issued = 0
        self.before_step: Callable[[str], None] = lambda _step: None
        self._opened = 0

    # -- what a test says

    def fails(self, step: str, what: Answer | Exception, *, after: bool = False, turn: int = 1) -> None:
        """The `turn`-th time this step comes from now on, this happens instead of it (or after it)."""
        queue = self.faults.setdefault(step, [])
        queue.extend([None] * (turn - 1 - len(queue)))
        queue.insert(turn - 1, Fault(what, after))

    @property
    def steps(self) -> list[str]:
        return [call.step for call in self.calls if call.step != "token"]

    def deployed(self, code: int) -> dict[str, Any] | None:
        return next((one for one in self.track["releases"] if str(code) in one["versionCodes"]), None)

    @property
    def commits(self) -> list[dict[str, list[str]]]:
        return [call.query for call in self.calls if call.step == "commit"]

    # -- what httplib2 would do

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int = 5,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        parts = urlsplit(uri)
        assert redirections == 0
        step, edit = _step(method, parts.path)
        sent = json.loads(body) if body and step in ("insert", "put") else body
        self.calls.append(Call(step, parse_qs(parts.query), sent, edit, dict(headers or {})))
        self.before_step(step)
        queue = self.faults.get(step)
        fault = queue.pop(0) if queue else None
        if fault is not None and not fault.after:
            answer = _happen(fault)
        else:
            answer = self._do(step, edit, self.calls[-1])
            if fault is not None:
                answer = _happen(fault)
        return httplib2.Response({**answer.headers, "status": str(answer.status)}), answer.body

    def _do(self, step: str, edit: str, call: Call) -> Answer:
        if step == "token":
            self.tokens_issued += 1
            return _json(
                {"access_token": f"{TOKEN}-{self.tokens_issued}", "expires_in": 3600, "token_type": "Bearer"}
            )
        assert call.headers["authorization"].startswith(f"Bearer {TOKEN}-")
        if step == "insert":
            return self._insert()
        if step == "list":
            return self._list()
        if edit not in self.edits:
            return EDIT_DELETED
        if step == "get":
            track = self.edits[edit]
            return _json(track) if track["releases"] else error(404, "Track empty.", status="NOT_FOUND")
        if step == "tracks":
            return _json({"tracks": [{"track": name} for name in self.track_names]})
        if step == "put":
            return self._put(edit, call.body)
        if step == "validate":
            return NOT_BY_ITSELF if self.rejected else _json({"id": edit, "expiryTimeSeconds": "1793030400"})
        if step == "commit":
            return self._commit(edit, call.query)
        del self.edits[edit]
        return Answer(204)

    def _insert(self) -> Answer:
        if not (self.same_edit_twice and self.edits):
            self._opened += 1
            self.edits = {f"{9000 + self._opened}": copy.deepcopy(self.track)}
        return _json({"id": next(iter(self.edits)), "expiryTimeSeconds": "1793030400"})

    def _list(self) -> Answer:
        lines = [
            {
                "releaseName": "x",
                "track": self.name,
                "activeArtifacts": [{"versionCode": code}],
                "releaseLifecycleState": f"RELEASE_LIFECYCLE_STATE_{word}",
            }
            for code, word in self.reviews.items()
        ]
        return _json({"releases": lines})

    def _put(self, edit: str, body: dict[str, Any]) -> Answer:
        for one in body["releases"]:
            before = self.deployed(int(one["versionCodes"][0]))
            if refusal := self._fraction_refusal(one, before):
                return refusal
        if sum(one["status"] == "completed" for one in body["releases"]) > 1:
            return error(400, "Only one completed release is allowed.")
        if sum(one["status"] == "inProgress" for one in body["releases"]) > 1:
            return error(400, "Too many staged releases specified.")
        self.edits[edit] = copy.deepcopy(body)
        return _json(body)

    def _fraction_refusal(self, one: dict[str, Any], before: dict[str, Any] | None) -> Answer | None:
        fraction = one.get("userFraction")
        if fraction is not None and not 0 < fraction < 1:
            return error(400, "User fraction must be lower than one.")
        if one["status"] == "halted":
            staged = before is not None and "userFraction" in before
            needed = {"required": True, "forbidden": False}.get(self.halted_fraction_rule, staged)
            if needed != (fraction is not None):
                return MUST_HAVE if needed else MUST_NOT_HAVE
            return None
        if (one["status"] == "inProgress") != (fraction is not None):
            return error(400, f"{one['status']} release must have fraction, or not")
        return None

    def _commit(self, edit: str, query: dict[str, list[str]]) -> Answer:
        held_back = query.get("changesNotSentForReview") == ["true"]
        if self.in_review and query["changesInReviewBehavior"] != ["CANCEL_IN_REVIEW_AND_SUBMIT"]:
            return IN_REVIEW
        if self.rejected and not held_back:
            return NOT_BY_ITSELF
        if held_back and not self.rejected:
            return BY_ITSELF
        self._merge(self.edits.pop(edit), "NOT_SENT_FOR_REVIEW" if held_back else self.review_of_changes)
        self.edits = {}
        return _json({"id": edit, "expiryTimeSeconds": "1793030400"})

    def _merge(self, wanted: dict[str, Any], review: str) -> None:
        before = {_key(one): one for one in self.track["releases"]}
        after = {_key(one): one for one in wanted["releases"]}
        for key, one in after.items():
            if one != before.get(key):
                self.reviews[max(map(int, one["versionCodes"]))] = review
        completing = any(one["status"] == "completed" and one != before.get(k) for k, one in after.items())
        for key, one in before.items():
            if key not in after and one["status"] == "inProgress":
                after[key] = {**one, "status": "halted"}
            elif key not in after and not completing:
                after[key] = one
        releases = list(after.values())
        if not any(one["status"] == "completed" for one in releases) and self.fallback:
            releases.append(self.fallback)
        self.track = {**wanted, "releases": releases}


def _key(one: dict[str, Any]) -> str:
    return max(one["versionCodes"])


def _happen(fault: Fault) -> Answer:
    if isinstance(fault.what, Exception):
        raise fault.what
    return fault.what


def _json(document: Any) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"content-type": "application/json"})


def _step(method: str, path: str) -> tuple[str, str]:
    if path == "/token":
        return "token", ""
    root = f"/androidpublisher/v3/applications/{PACKAGE}"
    assert path.startswith(root), path
    rest = unquote(path.removeprefix(root)).split("/")[1:]
    match (method, rest):
        case ("POST", ["edits"]):
            return "insert", ""
        case ("GET", ["edits", edit, "tracks", _]):
            return "get", edit
        case ("GET", ["edits", edit, "tracks"]):
            return "tracks", edit
        case ("PUT", ["edits", edit, "tracks", _]):
            return "put", edit
        case ("POST", ["edits", edit]) if edit.endswith((":validate", ":commit")):
            edit, _, verb = edit.partition(":")
            return verb, edit
        case ("DELETE", ["edits", edit]):
            return "delete", edit
        case ("GET", ["tracks", _, "releases"]):
            return "list", ""
    raise AssertionError(f"not a request of ours: {method} {path}")


@cache
def key_pem() -> str:
    # Short, because nobody is kept out by it and reading a key costs most of a test's time.
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def key_file(**changes: Any) -> dict[str, Any]:
    return {
        "type": "service_account",
        "client_email": "rollout@acme.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/token",
        "private_key_id": "k1",
        "private_key": key_pem(),
        **changes,
    }


class StandingClock:
    def now(self) -> datetime:
        return NOW


def client_of(fake: FakePlay) -> PlayClient:
    return PlayClient(key_file(), endpoint="http://127.0.0.1:9", open_http=lambda: fake)


def store(
    fake: FakePlay,
    *,
    halt_in_review: HaltInReview = HaltInReview.CANCEL_REVIEW,
    client: PlayClient | None = None,
) -> GooglePlay:
    return GooglePlay(
        package=PACKAGE,
        track=fake.name,
        client=client or client_of(fake),
        clock=StandingClock(),
        halt_in_review=halt_in_review,
    )


def free() -> None:
    """A clearance that always holds."""


def seen_in(port: GooglePlay, fake: FakePlay) -> tuple[StoreState, str]:
    """Look once and forget the requests this took."""
    state = port.read()
    fake.calls.clear()
    return state, state.fingerprint
