"""Raises whose answers are lost, unclear or a refusal: only what is read back is believed."""

from __future__ import annotations

import pytest
from play_fake import (
    BY_ITSELF,
    EDIT_DELETED,
    HTML,
    IN_REVIEW,
    NEW,
    NOT_BY_ITSELF,
    OLD,
    TOKEN,
    Answer,
    FakePlay,
    client_of,
    error,
    free,
    seen_in,
    store,
)

from stagedrollout.core.errors import (
    Conflict,
    Denied,
    EdgeError,
    Faulty,
    Preempted,
    Rejected,
    Throttled,
    Unreachable,
)
from stagedrollout.core.model import Change, Settlement, Unread, Verb

RAISE = Change(Verb.RAISE, "5020", 200_000)


# -- answers that do not say what happened

UNCLEAR = {
    "502 as a web page": HTML,
    "500": error(500, "Internal error encountered.", status="INTERNAL", reason="backendError"),
    "503": error(503, "The service is currently unavailable.", status="UNAVAILABLE"),
    "403 Unauthorized": error(403, "Unauthorized", status="PERMISSION_DENIED", reason="forbidden"),
    "already committed": error(
        400, "This Edit has already been successfully committed, please create a new Edit."
    ),
    "200 without a body": Answer(200, b""),
    "200 as a web page": Answer(200, b"<html>"),
    "200 without an end": Answer(200, b" " * (4 * 1024 * 1024 + 1)),
    "redirect": Answer(302, b"", {"location": "http://elsewhere/"}),
    "a proxy's 403": Answer(403, b"<html>blocked</html>", {"content-type": "text/html"}),
    "timeout": TimeoutError("timed out"),
    "reset": ConnectionResetError("reset"),
}


@pytest.mark.parametrize("trouble", UNCLEAR.values(), ids=UNCLEAR)
def test_a_commit_with_an_unclear_answer_that_took_effect_is_confirmed_by_looking(trouble):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", trouble, after=True)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.CONFIRMED
    assert fake.steps.count("commit") == 1
    assert len(fake.steps) == 7


@pytest.mark.parametrize("trouble", UNCLEAR.values(), ids=UNCLEAR)
def test_a_commit_with_an_unclear_answer_and_no_effect_is_in_doubt_and_not_repeated(trouble):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", trouble)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.IN_DOUBT
    assert outcome.state.find("5020").exposure_ppm == 100_000
    assert fake.steps.count("commit") == 1
    assert TOKEN not in outcome.detail


@pytest.mark.parametrize("step", ["insert", "get"])
@pytest.mark.parametrize("answered", [True, False], ids=["commit accepted", "commit answer lost"])
def test_a_raise_that_cannot_be_read_back_is_in_doubt(step, answered):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    if not answered:
        fake.fails("commit", TimeoutError("t"), after=True)
    fake.fails(step, HTML, turn=2)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.IN_DOUBT
    assert isinstance(outcome.state, Unread)


def test_a_commit_that_play_accepts_and_does_not_show_yet_is_in_doubt():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", Answer(200, b'{"id":"9002"}'))
    outcome = port.apply(RAISE, seen, free)
    assert (outcome.settlement, outcome.state.find("5020").exposure_ppm) == (Settlement.IN_DOUBT, 100_000)
    assert "accepted" in outcome.detail


def test_an_edit_handed_out_twice_is_never_taken_for_what_is_deployed():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.same_edit_twice = True
    fake.fails("commit", TimeoutError("t"))
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.IN_DOUBT
    assert outcome.state.find("5020").exposure_ppm == 100_000


def test_a_look_after_an_abandoned_raise_does_not_see_its_wish():
    fake = FakePlay(NEW, OLD)
    client = client_of(fake)
    port = store(fake, client=client)
    _, seen = seen_in(port, fake)
    fake.same_edit_twice = True

    def stop_before_commit():
        if fake.steps[-1:] == ["put"]:
            raise Preempted("a halt took over")

    with pytest.raises(Preempted):
        port.apply(RAISE, seen, stop_before_commit)
    assert store(fake, client=client).read().find("5020").exposure_ppm == 100_000


# -- refusals and failures


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (IN_REVIEW, "already have changes in review"),
        (NOT_BY_ITSELF, "cannot be sent for review automatically"),
        (BY_ITSELF, "must not be set"),
        (error(403, "The caller does not have permission", status="PERMISSION_DENIED"), "permission"),
        (error(400, "Precondition check failed.", status="FAILED_PRECONDITION"), "Precondition"),
        (Answer(403), "status 403"),
    ],
)
def test_a_commit_that_play_refuses_for_certain_is_refused_in_its_words(answer, words):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", answer)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.REFUSED
    assert words in outcome.detail
    assert outcome.state.find("5020").exposure_ppm == 100_000
    assert fake.steps == ["insert", "get", "put", "validate", "commit", "delete", "list"]
    assert fake.edits == {}


@pytest.mark.parametrize(
    "answer", [EDIT_DELETED, error(409, "busy", status="ABORTED", reason="concurrentUpdate")]
)
def test_an_overtaken_commit_is_a_conflict(answer):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", answer)
    with pytest.raises(Conflict):
        port.apply(RAISE, seen, free)
    assert fake.steps == ["insert", "get", "put", "validate", "commit"]


def test_a_throttled_commit_may_be_tried_afresh_and_leaves_no_edit():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", Answer(429, b"", {"retry-after": "7"}))
    with pytest.raises(Throttled) as caught:
        port.apply(RAISE, seen, free)
    assert caught.value.wait_seconds == 7
    assert fake.edits == {}


@pytest.mark.parametrize("step", ["insert", "get", "put", "validate"])
@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (HTML, Faulty),
        (TimeoutError("t"), Unreachable),
        (error(500, "Internal error encountered.", status="INTERNAL"), Faulty),
        (error(403, "The caller does not have permission", status="PERMISSION_DENIED"), Denied),
        (error(400, "Only releases with status draft may be created on draft app."), Rejected),
        (error(429, "Quota exceeded", status="RESOURCE_EXHAUSTED"), Throttled),
        (EDIT_DELETED, Conflict),
    ],
)
def test_a_failure_before_the_commit_applies_nothing_and_leaves_no_edit(step, trouble, kind):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails(step, trouble)
    with pytest.raises(kind) as caught:
        port.apply(RAISE, seen, free)
    assert isinstance(caught.value, EdgeError)
    assert fake.deployed(5020)["userFraction"] == 0.1
    assert "commit" not in fake.steps
    if kind is not Conflict:
        assert fake.edits == {}
    assert TOKEN not in str(caught.value)
