"""What an SDK reports to Sentry about our own daemon arrives as truth, and nothing else gets in."""

from __future__ import annotations

import gzip
import json

import pytest
import sentry_sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_sdk.crons import capture_checkin

from stagedrollout.emulator.credentials import INGEST_PROJECT
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.sentry_ingest import ITEMS_MOST
from stagedrollout.emulator.serve import serve
from tests.emulator.calls import Answer, control, entries, scenario, world_at

WORLD = world_at(1)
PATH = f"/api/{INGEST_PROJECT}/envelope/"
ID = "9ec79c33ec9942ab8353589fcb2e04dc"
EVENT = {
    "event_id": ID,
    "level": "error",
    "release": "stagedrollout@1",
    "exception": {"values": [{"type": "ValueError", "value": "x"}, {"type": "KeyError", "value": "y"}]},
    "contexts": {"trace": {"token": "canary"}},
}
CHECK_IN = {"check_in_id": "a" * 32, "monitor_slug": "rollouts", "status": "ok", "duration": 1.5}


def envelope(*items, header=None):
    lines = [json.dumps({"event_id": ID, "dsn": "canary"} if header is None else header)]
    for kind, payload in items:
        lines += [json.dumps({"type": kind}), json.dumps(payload)]
    return "\n".join(lines).encode()


def post(world, body, *, key=None, path=PATH, **headers):
    shown = world.credentials.sentry_public_key if key is None else key
    sent = {
        "x-sentry-auth": f"Sentry sentry_key={shown}, sentry_version=7, sentry_client=test/1",
        "content-type": "application/x-sentry-envelope",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    response = world.handle(Request.to("POST", path, headers=sent, body=body))
    return Answer(response.status, response.body, dict(response.headers))


def reported(world):
    return [
        {name: value for name, value in entry.items() if name not in ("seq", "at", "type")}
        for entry in entries(world, "reported")
    ]


def test_events_and_check_ins_are_written_down_with_what_tells_them_apart():
    world = world_at(1)
    answer = post(world, envelope(("event", EVENT), ("check_in", CHECK_IN), ("session", {"sid": "1"})))
    assert (answer.status, answer.document) == (200, {"id": ID})
    seq = world.ledger.requests[-1]["seq"]
    assert reported(world) == [
        {
            "kind": "event",
            "event_id": ID,
            "level": "error",
            "release": "stagedrollout@1",
            "exceptions": ["ValueError", "KeyError"],
            "request": seq,
        },
        {"kind": "check_in", **CHECK_IN, "request": seq},
    ]
    assert control(world, "GET", "world").document["reported"] == {"events": 1, "check_ins": 1}


@pytest.mark.parametrize("form", [{"message": "boom"}, {"logentry": {"message": "boom"}}])
def test_a_message_is_found_in_both_of_its_places(form):
    world = world_at(1)
    post(world, envelope(("event", {"level": "warning", **form})))
    assert reported(world)[0]["message"] == "boom"


def test_what_is_not_plain_is_not_written_down():
    world = world_at(1)
    post(
        world, envelope(("event", {"level": {"deep": "canary"}, "logger": ["canary"], "message": ["canary"]}))
    )
    assert reported(world) == [{"kind": "event", "request": world.ledger.requests[-1]["seq"]}]


def test_payloads_of_a_given_length_may_hold_newlines():
    world = world_at(1)
    payload = json.dumps({"message": "one"}, indent=1).encode()
    item = json.dumps({"type": "event", "length": len(payload)}).encode()
    body = b"{}\n" + item + b"\n" + payload + b"\n" + item + b"\n" + payload + b"\n\n"
    assert post(world, body).document == {}
    assert [entry["message"] for entry in reported(world)] == ["one", "one"]


def test_packed_envelopes_are_read_and_the_log_has_them_in_the_open_without_keys():
    world = world_at(1)
    body = gzip.compress(envelope(("event", EVENT)))
    assert post(world, body, content_encoding="gzip").status == 200
    logged = world.ledger.requests[-1]["body"]
    assert logged[2]["exception"]["values"][0]["type"] == "ValueError"
    assert "canary" not in json.dumps(world.ledger.after(0))
    assert world.credentials.sentry_public_key not in json.dumps(world.ledger.after(0))


@pytest.mark.parametrize("key", ["wrong", "", "é"])
def test_a_wrong_public_key_is_refused_and_nothing_is_written_down(key):
    world = world_at(1)
    assert post(world, envelope(("event", EVENT)), key=key).status == 403
    assert post(world, envelope(("event", EVENT)), path="/api/1/envelope/").status == 403
    assert reported(world) == []
    assert world.ledger.requests[-1]["applied"] is False


def test_the_key_may_stand_in_the_query():
    world = world_at(1)
    path = f"{PATH}?sentry_key={world.credentials.sentry_public_key}"
    assert post(world, envelope(("event", EVENT)), path=path, x_sentry_auth="").status == 200
    assert world.credentials.sentry_public_key not in json.dumps(world.ledger.after(0))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", "identity"),
        (b"[]", "identity"),
        (b"\xff", "identity"),
        (b"[" * 100_000, "identity"),
        (b'{}\n{"type":"event","length":99}\n{}', "identity"),
        (b'{}\n{"type":"event","length":"x"}\n{}', "identity"),
        (b'{}\n{"type":"event"}\n{"a"', "identity"),
        (b"{}\n" + b'{"type":"x"}\n{}\n' * (ITEMS_MOST + 1), "identity"),
        (b"not packed", "gzip"),
        (gzip.compress(b"{}")[:-6], "gzip"),
        (gzip.compress(bytes(17 * 1024 * 1024)), "gzip"),
        (b"{}", "br"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_envelope_is_refused_in_words(body, encoding):
    world = world_at(1)
    answer = post(world, body, content_encoding=encoding)
    assert (answer.status, answer.document["detail"]) == (400, "bad envelope")
    assert reported(world) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([b"{}", b"\n", b'{"type":"event"}', b'{"length":3}', b"[]", b"1"]), max_size=8)
)
def test_any_lines_are_answered(parts):
    assert post(WORLD, b"".join(parts)).status in (200, 400)


def test_only_posted_envelopes_are_taken_and_sentrys_own_api_is_not_hidden():
    world = world_at(1)
    assert world.handle(Request.to("GET", PATH)).status == 404
    assert post(world, b"", path=f"/api/{INGEST_PROJECT}/store/").status == 404
    assert world.handle(Request.to("GET", "/api/0/organizations/acme/")).status == 401


def test_a_burst_is_answered_with_a_time_to_wait_and_nothing_is_written_down():
    world = world_at(1)
    world.faults.add(Fault("sentry_ingest", "429"))
    answer = post(world, envelope(("event", EVENT)))
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert reported(world) == []
    world.faults.add(Fault("sentry_ingest", "500_after"))
    assert post(world, envelope(("event", EVENT))).status == 500
    assert len(reported(world)) == 1


def test_the_sdk_delivers_over_a_socket_what_went_wrong_and_that_it_lives():
    with serve(scenario()) as running:
        dsn = running.world.credentials.sentry_dsn(running.url)
        client = sentry_sdk.Client(dsn=dsn, default_integrations=False, release="stagedrollout@1")
        with sentry_sdk.new_scope() as scope:
            scope.set_client(client)
            sentry_sdk.capture_message("a pass broke off", level="error")
            capture_checkin(monitor_slug="rollouts", status="ok", duration=2)
        client.close(timeout=5)
        told = reported(running.world)
    assert [(entry["kind"], entry.get("message"), entry.get("monitor_slug")) for entry in told] == [
        ("event", "a pass broke off", None),
        ("check_in", None, "rollouts"),
    ]
    assert told[1]["status"] == "ok"
