"""Each row of google-play.md section 6, as recorded, and what it is taken for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from play_fake import (
    BY_ITSELF,
    E7_DETAILS,
    EDIT_DELETED,
    HTML,
    IN_REVIEW,
    MUST_HAVE,
    MUST_NOT_HAVE,
    NOT_BY_ITSELF,
    TOKEN,
    Answer,
    error,
    key_pem,
    old_error,
)

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.stores.google_play.errors import Refused, Said, classified, classified_token, words

DENIED, CONDITION = "PERMISSION_DENIED", "FAILED_PRECONDITION"

ROWS = [
    ("E1", EDIT_DELETED, Conflict),
    ("E1", error(400, "This Edit has been deleted."), Conflict),
    ("E1 old", old_error(410, "This Edit has been deleted.", "editDeleted"), Conflict),
    ("E1 old", old_error(400, "Gone.", "editDeleted"), Conflict),
    ("E1 bare", Answer(410), Conflict),
    ("E1 404", error(404, "Edit not found.", status="NOT_FOUND", reason="notFound"), Conflict),
    ("E2", error(400, "This edit has expired. Please create a new Edit.", status=CONDITION), Conflict),
    ("E4", error(409, "The object is being updated.", status="ABORTED", reason="concurrentUpdate"), Conflict),
    ("E4 bare", Answer(409), Conflict),
    ("E8", error(400, "User fraction must be lower than one"), Rejected),
    ("E8", error(400, "Rollout fraction must be greater than 0.0 and less than 1."), Rejected),
    ("E10", error(400, "Only one completed release is allowed"), Rejected),
    ("E11", error(400, "Too many staged releases specified"), Rejected),
    ("E12", error(400, "Cannot halt release, no matching in progress release found"), Rejected),
    ("E12 old", old_error(400, "Cannot halt release, no matching", "releaseToHaltNotFound"), Rejected),
    (
        "E13",
        error(400, "You can't halt a fully rolled out release and create a new fully rolled out release"),
        Rejected,
    ),
    ("E14", error(500, "Internal error encountered.", status="INTERNAL", reason="backendError"), Faulty),
    ("E15", error(400, "Only releases with status draft may be created on draft app."), Rejected),
    ("E16", error(400, "The first release on a track cannot be staged"), Rejected),
    ("E17", error(400, "Fully released can not be staged"), Rejected),
    (
        "E18",
        error(
            403, "You cannot rollout this release because it does not allow any existing users", status=DENIED
        ),
        Rejected,
    ),
    ("E19", error(403, "The caller does not have permission", status=DENIED, reason="forbidden"), Denied),
    ("E19 bare", Answer(403), Denied),
    ("E20", error(403, "Unauthorized", status=DENIED, reason="forbidden"), Faulty),
    (
        "E21",
        error(403, "Google Play Android Developer API has not been used in project 7 before", status=DENIED),
        Denied,
    ),
    ("E22", error(403, "There are issues with your account", status=DENIED), Rejected),
    ("E22", error(400, "You must let us know whether your app uses ads"), Rejected),
    ("E22", error(403, "This release includes the com.google.AD_ID permission", status=DENIED), Rejected),
    ("E23", error(404, "Package not found: com.acme.app.", status="NOT_FOUND", reason="notFound"), Rejected),
    ("E23", error(404, "APK version codes could not be found: [1]", status="NOT_FOUND"), Rejected),
    ("E24", error(400, "Releases in ROLLOUT track is not supported."), Rejected),
    ("E25", error(400, "Precondition check failed.", status=CONDITION), Rejected),
    (
        "E26",
        error(401, "Request had invalid credentials", status="UNAUTHENTICATED", reason="authError"),
        Denied,
    ),
    ("E26 bare", Answer(401), Denied),
    ("E27", error(429, "Quota exceeded", status="RESOURCE_EXHAUSTED"), Throttled),
    ("E27 bare", Answer(429), Throttled),
    ("E27 403", error(403, "Rate Limit Exceeded", reason="rateLimitExceeded", status=DENIED), Throttled),
    ("E27 403", error(403, "User Rate Limit", reason="userRateLimitExceeded", status=DENIED), Throttled),
    ("503", error(503, "The service is currently unavailable.", status="UNAVAILABLE"), Faulty),
    ("HTML 502", HTML, Faulty),
    ("HTML 403", Answer(403, b"<html>blocked</html>", {"content-type": "text/html"}), Faulty),
    ("HTML 429", Answer(429, b"<html>slow down</html>", {"content-type": "text/html"}), Throttled),
    ("JSON of another kind", Answer(400, b'{"message":"Bad Request"}'), Faulty),
    ("error as text", Answer(400, b'{"error":"invalid"}'), Faulty),
    ("message as number", Answer(400, b'{"error":{"message":5}}'), Rejected),
    ("odd errors", Answer(400, b'{"error":{"message":"x","errors":[1],"details":{"reason":[]}}}'), Rejected),
    ("nested beyond measure", Answer(400, b"[" * 100_000), Faulty),
    ("redirect", Answer(302, b"", {"location": "http://elsewhere/"}), Faulty),
    ("408", Answer(408), Faulty),
]


def judged(answer: Answer) -> EdgeError:
    return classified("committing the edit", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(("row", "answer", "kind"), ROWS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)])
def test_every_complaint_is_classified_and_keeps_plays_words(row, answer, kind):
    found = judged(answer)
    assert type(found) is (Refused if kind is Rejected else kind)
    assert found.status == answer.status
    assert (found.service, found.doing) == ("google_play", "committing the edit")
    try:
        message = json.loads(answer.body)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if isinstance(message, str):
        assert found.detail == message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            error(400, "This Edit has already been successfully committed, please create"),
            Said.ALREADY_COMMITTED,
        ),
        (NOT_BY_ITSELF, Said.NOT_SENT_BY_ITSELF),
        (BY_ITSELF, Said.SENT_BY_ITSELF),
        (IN_REVIEW, Said.IN_REVIEW),
        (error(400, "In another language", status=CONDITION, details=E7_DETAILS), Said.IN_REVIEW),
        (error(409, "You already have changes in review.", status="ABORTED"), Said.IN_REVIEW),
        (MUST_HAVE, Said.FRACTION),
        (MUST_NOT_HAVE, Said.FRACTION),
        (error(404, "Track not found", status="NOT_FOUND"), Said.NO_SUCH_TRACK),
        (error(404, "Track empty", status="NOT_FOUND"), Said.NO_SUCH_TRACK),
        (error(400, "Something Google has never said before"), Said.SOMETHING_ELSE),
    ],
    ids=lambda value: value.value if isinstance(value, Said) else "",
)
def test_a_refusal_that_has_an_answer_is_recognised(answer, said):
    assert judged(answer).said is said


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("99999999", 3_600),
        ("-3", 0),
        ("soon", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("9" * 5_000, 0),
        ("", 0),
    ],
)
def test_the_wait_that_play_asks_for_is_bounded(header, seconds):
    assert judged(Answer(429, b"", {"retry-after": header})).wait_seconds == seconds


@given(
    st.integers(300, 599),
    st.binary(max_size=300)
    | st.text(max_size=50).map(lambda text: json.dumps({"error": {"message": text}}).encode()),
)
def test_no_answer_at_all_is_a_foreign_exception(status, body):
    assert isinstance(classified("x", status, {}, body), EdgeError)
    assert isinstance(classified_token(status, {}, body), EdgeError)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'), Denied),
        (Answer(401, b'{"error":"invalid_client"}'), Denied),
        (Answer(503, b'{"error":"temporarily_unavailable"}'), Faulty),
        (Answer(400, b'{"error":"internal_failure"}'), Faulty),
        (Answer(429, b'{"error":"slow_down"}'), Throttled),
        (HTML, Faulty),
        (Answer(400, b'{"error":{"message":"x"}}'), Faulty),
        (Answer(302, b""), Faulty),
    ],
)
def test_a_token_that_is_not_given_is_classified(answer, kind):
    assert type(classified_token(answer.status, answer.headers, answer.body)) is kind


SECRETS = {
    "bearer": f"Authorization: Bearer {TOKEN}",
    "google token": "token ya29.c.b0AXv0zTPQ-canary_x.y was refused",
    "assertion": "assertion=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjYW5hcnkifQ.c2lnbmF0dXJl was refused",
    "key": f"cannot read {key_pem()}",
    "half a key": key_pem()[:200],
    "json": '{"access_token": "canary-value", "expires_in": 1}',
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_play_repeats_is_not_repeated_by_us(text):
    shown = words(f"Play says: {text}")
    assert "***" in shown
    for secret in (TOKEN, "canary", "eyJpc3Mi", "c2lnbmF0", key_pem().splitlines()[1][:20]):
        assert secret not in shown


def test_words_are_one_short_printable_line():
    shown = words("a\n\tb\x1b[31m\u202e" + "x" * 5_000)
    assert shown.startswith("a b [31m x")
    assert len(shown) == 300
    assert shown.isprintable()
