"""Each complaint of Apple's, as recorded in app-store-connect.md section 8, and what it amounts to."""

from __future__ import annotations

import json
import traceback
from datetime import timedelta

import httpx
import pytest
from apple_fake import (
    AGREEMENT,
    BROKEN,
    FINAL,
    HTML,
    KEY_ID,
    NEW,
    NOT_LIVE,
    SAME,
    STATE_ERROR,
    THROTTLED,
    UNAUTHORIZED,
    Answer,
    FakeApple,
    FakeVersion,
    Ticking,
    client_of,
    error,
    old,
    pem,
    store,
)

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.stores.app_store import ApiKey, AppStoreClient
from stagedrollout.stores.app_store.client import limits_of
from stagedrollout.stores.app_store.errors import AGREEMENT as SIGN
from stagedrollout.stores.app_store.errors import MEMBERSHIP, ROLE, Refused, Said, classified

REVIEWS = "/v1/apps/6448311069/customerReviews"


def read(answer: Answer) -> EdgeError:
    return classified("looking", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error(400, "PARAMETER_ERROR.ILLEGAL", "The parameter 'limit' can not be used"), Rejected, "'limit'"),
        (error(400, "PARAMETER_ERROR.INVALID", "'x' is not a valid filter type"), Rejected, "'x' is not"),
        (UNAUTHORIZED, Denied, "Apple does not accept the key"),
        (
            error(401, "NOT_AUTHORIZED", "Authentication credentials are missing or invalid."),
            Denied,
            "missing",
        ),
        (Answer(401, b"<html>"), Denied, "Apple does not accept the key"),
        (Answer(429, b"<html>"), Throttled, "HTTP 429"),
        (Answer(401), Denied, "Apple does not accept the key"),
        (error(403, "FORBIDDEN_ERROR", "The API key in use does not allow this request"), Denied, ROLE),
        (error(403, "FORBIDDEN_ERROR", None, "This request is forbidden for security reasons"), Denied, ROLE),
        (
            error(403, "FORBIDDEN_ERROR", "Team ID: 'X' is not associated with an active membership."),
            Denied,
            MEMBERSHIP,
        ),
        (AGREEMENT, Denied, SIGN),
        (
            error(403, "FORBIDDEN", "You need to accept the Program License Agreement", "Access Unavailable"),
            Denied,
            SIGN,
        ),
        (error(403, "FORBIDDEN", None, "Access Unavailable"), Denied, SIGN),
        (error(404, "NOT_FOUND", "There is no resource of type 'x' with id 'y'"), Refused, "no resource"),
        (error(404, "PATH_ERROR", "The URL path is not valid"), Rejected, "not valid"),
        (NOT_LIVE, Refused, "current version state"),
        (FINAL, Refused, "final state"),
        (SAME, Refused, "already has this value"),
        (STATE_ERROR, Refused, "another resource"),
        (
            error(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "You cannot create a new version"),
            Refused,
            "new version",
        ),
        (error(409, "ENTITY_ERROR.ATTRIBUTE.TYPE", "'X' is not a valid value"), Refused, "not a valid"),
        (Answer(409), Refused, "a conflict"),
        (error(422, "ENTITY_UNPROCESSABLE", "no"), Rejected, "no"),
        (THROTTLED, Throttled, "too many requests"),
        (BROKEN, Faulty, "unexpected"),
        (HTML, Faulty, "HTTP 502"),
        (Answer(503, b"Could not process this request"), Faulty, "HTTP 503"),
        (Answer(504), Faulty, "HTTP 504"),
        (Answer(302, b"", {"location": "https://elsewhere.example"}), Rejected, "redirect"),
        (
            Answer(403, b"<html>blocked by your company</html>"),
            Faulty,
            "something else than App Store Connect",
        ),
        (Answer(404, b"no such host"), Faulty, "something else than App Store Connect"),
        (Answer(407, b"<html>"), Faulty, "something else than App Store Connect"),
    ],
)
def test_each_complaint_has_its_kind_and_its_words(answer, kind, words):
    found = read(answer)
    assert type(found) is kind
    assert (found.service, found.status) == ("app_store", answer.status)
    assert words in str(found)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NOT_LIVE, Said.NOT_LIVE),
        (FINAL, Said.FINAL),
        (SAME, Said.SAME_VALUE),
        (error(409, "SOMETHING", "THE PHASED RELEASE ALREADY HAS THIS VALUE"), Said.SAME_VALUE),
        (
            error(
                409,
                "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE",
                None,
                "An attribute value is not acceptable for the current resource state.",
            ),
            Said.NOT_LIVE,
        ),
        (error(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE.PHASED", None, ""), Said.NOT_LIVE),
        (
            error(
                409,
                "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE",
                "The attribute 'releaseType' can not be modified.",
            ),
            Said.FIXED,
        ),
        (STATE_ERROR, Said.OTHER_STATE),
        (error(409, "STATE_ERROR.IN_FINAL", "it is in a final state"), Said.OTHER_STATE),
        (error(409, "SOMETHING", "no"), Said.SOMETHING_ELSE),
    ],
)
def test_conflicts_are_told_apart_by_code_first_and_words_second(answer, said):
    found = read(answer)
    assert isinstance(found, Refused)
    assert found.said is said


def test_nothing_that_opens_a_door_is_repeated():
    fake = FakeApple(FakeVersion(NEW), old())
    told = f"see https://api.example/x?t=CANARY {pem()} eyJhbGciOiJFUzI1NiJ9.CANARY.CANARY"

    def refuses(step):
        fake.fails("list", error(400, "X", told + fake.calls[-1].headers["authorization"]))

    fake.happens = refuses
    with pytest.raises(Rejected) as caught:
        store(fake).read()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    token = fake.calls[0].headers["authorization"].removeprefix("Bearer ")
    for secret in ("CANARY", "BEGIN", "https:", token, "appstoreconnect.apple.com"):
        assert secret not in shown


def test_the_words_of_a_hostile_answer_stay_short_and_printable():
    shown = str(read(error(409, "X", "\u202e\x1b[31m\r\n" + "x" * 10_000)))
    assert len(shown) < 300
    assert shown.isprintable()


def test_waits_grow_from_half_a_minute_to_a_quarter_of_an_hour_and_start_again_after_an_answer():
    fake = FakeApple(FakeVersion(NEW), old())
    port, waits = store(fake), []

    def throttled():
        fake.fails("list", THROTTLED)
        with pytest.raises(Throttled) as caught:
            port.read()
        return caught.value.wait_seconds

    waits = [throttled() for _ in range(7)]
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    port.read()
    assert throttled() == 30


def test_a_time_that_apple_names_is_obeyed():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", Answer(429, THROTTLED.body, {"retry-after": "77"}))
    with pytest.raises(Throttled) as caught:
        store(fake).read()
    assert caught.value.wait_seconds == 77


@pytest.mark.parametrize(
    ("header", "limits"),
    [
        ("user-hour-lim:3500;user-hour-rem:500;", {"user-hour-lim": 3500, "user-hour-rem": 500}),
        (
            "user-hour-lim:3600;user-hour-rem:7, user-minute-lim:150;user-minute-rem:149;",
            {"user-hour-lim": 3600, "user-hour-rem": 7, "user-minute-lim": 150, "user-minute-rem": 149},
        ),
        (" user-hour-rem : 5; user-hour-rem:6 ;x;y:z;:3;;", {"user-hour-rem": 6}),
        ("", {}),
        ("user-hour-rem:-5", {}),
        ("user-hour-rem:99999999999999999999", {}),
        ("user-hour-rem:٣", {}),
    ],
)
def test_the_rate_limit_is_read_as_far_as_it_can_be(header, limits):
    assert limits_of(header) == limits


class _TwoLines(httpx.BaseTransport):
    """Apple as it was seen too: the minute's limit on a header line of its own (section 10)."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        lines = [
            ("X-Rate-Limit", "user-hour-lim:3500;user-hour-rem:3000;"),
            ("X-Rate-Limit", "user-minute-lim:150;user-minute-rem:3;"),
        ]
        return httpx.Response(200, headers=lines, stream=httpx.ByteStream(b'{"data": []}'))


def test_a_limit_that_is_told_on_two_lines_is_read_whole():
    client = AppStoreClient(ApiKey(pem(), KEY_ID), clock=Ticking(), transport=_TwoLines())
    client.look("looking", "/v1/apps")
    assert "3 more requests of 150 in a minute" in client.shortage()


def left(fake: FakeApple, requests: int) -> None:
    fake.headers = {"x-rate-limit": f"user-hour-lim:3500;user-hour-rem:{requests};"}


def test_reviews_wait_when_only_the_reserve_is_left_and_the_state_is_still_read():
    fake, clock = FakeApple(FakeVersion(NEW), old()), Ticking()
    client = client_of(fake, clock=clock)
    port = store(fake, client)
    left(fake, 200)
    assert client.spare()
    client.get("reading reviews", REVIEWS, (("limit", "200"),))
    assert not client.spare()
    with pytest.raises(
        Throttled, match="200 more requests of 3500 in an hour; the last 200 are kept for the"
    ):
        client.get("reading reviews", REVIEWS)
    port.read()
    assert fake.steps == ["reviews", "list"]
    left(fake, 201)
    port.read()
    client.get("reading reviews", REVIEWS)
    assert fake.steps == ["reviews", "list", "list", "reviews"]


def test_reviews_wait_for_a_minute_that_is_nearly_spent_and_no_longer():
    fake, clock = FakeApple(FakeVersion(NEW), old()), Ticking()
    client = client_of(fake, clock=clock)
    hour, minute = "user-hour-lim:3500;user-hour-rem:3000;", "user-minute-lim:150;user-minute-rem:20;"
    fake.headers = {"x-rate-limit": f"{hour}, {minute}"}
    store(fake, client).read()
    with pytest.raises(Throttled, match="20 more requests of 150 in a minute"):
        client.get("reading reviews", REVIEWS)
    fake.headers = {"x-rate-limit": hour}
    store(fake, client).read()
    assert not client.spare()
    clock.move(timedelta(minutes=1))
    assert client.spare()


def test_a_pause_goes_out_when_nothing_at_all_is_left():
    fake = FakeApple(FakeVersion(NEW), old())
    client = client_of(fake)
    left(fake, 0)
    port = store(fake, client)
    port.read()
    assert port.halt(NEW).detail == "5.12.0 (33417) is PAUSED at 5 %, version READY_FOR_DISTRIBUTION"
    assert not client.spare()


def test_what_was_left_an_hour_ago_says_nothing_any_more():
    fake, clock = FakeApple(FakeVersion(NEW), old()), Ticking()
    client = client_of(fake, clock=clock)
    left(fake, 0)
    store(fake, client).read()
    assert not client.spare()
    clock.move(timedelta(hours=1))
    assert client.spare()


def test_an_answer_without_a_limit_stops_nothing():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.headers = {}
    client = client_of(fake)
    store(fake, client).read()
    assert client.spare()


def test_reviews_wait_after_a_refusal_for_asking_too_often():
    fake, clock = FakeApple(FakeVersion(NEW), old()), Ticking()
    client = client_of(fake, clock=clock)
    fake.fails("reviews", THROTTLED)
    with pytest.raises(Throttled):
        client.get("reading reviews", REVIEWS)
    clock.move(timedelta(seconds=29))
    assert not client.spare()
    clock.move(timedelta(seconds=1))
    assert client.spare()


def test_reviews_come_back_as_the_document_they_are():
    document = client_of(FakeApple()).get("reading reviews", REVIEWS, (("sort", "-createdDate"),))
    assert document["data"] == []
    assert json.dumps(document)


@pytest.mark.parametrize(("refused", "requests"), [(1, 2), (2, 3)])
def test_a_token_refused_is_replaced_and_the_look_repeated(refused, requests):
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", UNAUTHORIZED, times=refused)
    store(fake).read()
    assert len({call.headers["authorization"] for call in fake.calls}) == requests


def test_three_refused_tokens_are_the_keys_fault():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", UNAUTHORIZED, times=9)
    with pytest.raises(Denied, match="this machine's clock"):
        store(fake).read()
    assert len(fake.calls) == 3


def test_a_missing_permission_is_not_tried_again():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", AGREEMENT)
    with pytest.raises(Denied, match="App Store Connect > Business"):
        store(fake).read()
    assert len(fake.calls) == 1
