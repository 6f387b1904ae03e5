"""What comes in over the socket: read with suspicion, wherever it claims to be from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.buttons.pressed import BLOCKS_MAX, METADATA_MAX, Said, read_heard, read_pressed
from stagedrollout.buttons.socket import usable_address
from stagedrollout.core.errors import Faulty
from stagedrollout.core.offer import SEALED_MAX
from stagedrollout.http.endpoint import Endpoint

SLACK = Endpoint("slack", "https://slack.com/api/")
HERE = Endpoint("slack", "http://127.0.0.1:8080/slack/api/")

PRESS = {
    "type": "block_actions",
    "user": {"id": "U0ANA"},
    "container": {"channel_id": "C0RELEASE", "message_ts": "1763892000.000100"},
    "message": {"text": "HALTED", "blocks": [{"type": "section"}]},
    "actions": [{"action_id": "x", "block_id": "b", "value": "v", "action_ts": "1763892001.5"}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def test_a_press_is_read():
    found = read_pressed(PRESS)
    assert found is not None
    assert (found.user, found.value, found.channel, found.ts) == (
        "U0ANA",
        "v",
        "C0RELEASE",
        "1763892000.000100",
    )
    assert found.at.timestamp() == 1763892001.5


@pytest.mark.promise("R22")
@given(JSON)
def test_whatever_else_comes_is_no_press(said):
    assert read_pressed(said) is None


@pytest.mark.promise("R22", "R24")
@given(st.sampled_from(sorted(PRESS)), JSON)
def test_a_press_with_anything_in_one_place_is_read_or_not_and_never_breaks(place, value):
    found = read_pressed({**PRESS, place: value})
    assert found is None or found.user.startswith(("U", "W"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("user", {"id": "<!channel>"}),
        ("user", {"id": "U" + "A" * 99}),
        ("container", {"channel_id": "../x", "message_ts": "1.1"}),
        ("actions", []),
        ("actions", [PRESS["actions"][0]] * 2),
        ("actions", [{**PRESS["actions"][0], "action_ts": "nan"}]),
        ("type", "view_submission"),
    ],
)
def test_what_does_not_have_the_shape_is_refused(place, value):
    assert read_pressed({**PRESS, place: value}) is None


def test_a_time_beyond_all_times_is_only_far_away():
    late = read_pressed({**PRESS, "actions": [{**PRESS["actions"][0], "action_ts": "999999999999.0"}]})
    assert late is not None
    assert late.at.year == 9999


def test_what_is_long_is_cut():
    whole = {"text": "x" * 100_000, "blocks": [{}] * 1000}
    found = read_pressed(
        {**PRESS, "message": whole, "actions": [{**PRESS["actions"][0], "value": "v" * 99_999}]}
    )
    assert found is not None
    assert (len(found.blocks), len(found.value) > SEALED_MAX) == (BLOCKS_MAX, True)
    assert len(found.value) + len(found.text) < 10_000


@pytest.mark.promise("R24")
@pytest.mark.parametrize(
    "url",
    [
        "ws://wss-primary.slack.com/link/?ticket=x",
        "wss://slack.com.evil.example/link",
        "wss://evilslack.com/link",
        "wss://wss.slack.com:8443/link",
        "wss://slack.com@evil.example/link",
        "wss://user:pass@wss.slack.com/link",
        "https://wss.slack.com/link",
        "ws://127.0.0.1/link",
        "wss://[::1/link",
        "wss://wss.slack.com/" + "x" * 5000,
        "",
        None,
        7,
    ],
)
def test_a_socket_anywhere_but_at_slack_is_not_opened(url):
    with pytest.raises(Faulty) as refused:
        usable_address(url, SLACK)
    assert "ticket" not in str(refused.value)


def test_a_socket_at_slack_is_and_an_emulated_one_on_this_machine_only():
    at_slack = "wss://wss-primary.slack.com/link/?ticket=x"
    assert usable_address(at_slack, SLACK) == at_slack
    assert usable_address("ws://127.0.0.1:9/link", HERE) == "ws://127.0.0.1:9/link"
    for elsewhere in (at_slack, "ws://10.0.0.1/link", "wss://127.0.0.1/link"):
        with pytest.raises(Faulty):
            usable_address(elsewhere, HERE)


KEPT = {
    "value": "v",
    "channel": "C0RELEASE",
    "ts": "1763892000.000100",
    "block": "b",
    "stamp": "1763892001.5",
}


def _window(kept=KEPT, reason="repaired", kind="view_submission"):
    typed = {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}}
    metadata = kept if isinstance(kept, str) else json.dumps(kept)
    return {"type": kind, "user": {"id": "U0ANA"}, "view": {"private_metadata": metadata, "state": typed}}


def test_a_reason_is_read():
    said = read_heard(_window())
    assert isinstance(said, Said)
    assert (said.reason, said.pressed.value, said.pressed.at.timestamp()) == ("repaired", "v", 1763892001.5)


@pytest.mark.promise("R22")
@given(JSON)
def test_whatever_else_comes_is_heard_as_nothing(said):
    assert read_heard(said) is None


@pytest.mark.promise("R22", "R24")
@given(st.sampled_from(["view", "user", "type"]), JSON)
def test_a_window_with_anything_in_one_place_is_read_or_not_and_never_breaks(place, value):
    found = read_heard({**_window(), place: value})
    assert found is None or found.pressed.user == "U0ANA"


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "[]",
        "{",
        "[" * 1_000,
        {**KEPT, "stamp": "nan"},
        {**KEPT, "channel": "../x"},
        {**KEPT, "ts": 7},
        {**KEPT, "block": "x" * METADATA_MAX},
    ],
)
def test_what_slack_did_not_keep_as_we_gave_it_is_refused(kept):
    assert read_heard(_window(kept)) is None
    assert read_heard(_window(kept, kind="view_closed")) is None


def test_a_reason_of_another_shape_is_none():
    assert read_heard(_window(reason=7)) is None
    assert read_heard(_window(reason=None)).reason == ""
