"""Every request to a service is counted, by how it ended; what is no error of the service's is none of its calls."""

from __future__ import annotations

import threading

import pytest

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
from stagedrollout.http.client import Endpoint, HttpClient, Limits
from stagedrollout.http.tally import CALLS, Ending, Tally
from tests.http.loopback import answer, says, served


@pytest.mark.parametrize("kind", [Unreachable, Throttled, Faulty, Conflict, Denied, Rejected])
def test_an_error_is_counted_by_its_kind_and_goes_on(kind: type[EdgeError]):
    tally = Tally()
    with pytest.raises(kind), tally.counted("sentry"):
        raise kind("sentry", "reading", "no")
    found = {ending.value: count for ending, count in tally.calls()["sentry"].ended.items() if count}
    assert found == {kind.__name__.lower(): 1}


def test_a_halt_that_took_over_is_no_call():
    tally = Tally()
    with pytest.raises(Preempted), tally.counted("google_play"):
        raise Preempted("a halt took over")
    assert tally.calls() == {}


def test_nothing_is_lost_between_many_threads():
    tally = Tally()

    def work() -> None:
        for _ in range(2_000):
            with tally.counted("sentry"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.calls()["sentry"].ended[Ending.OK] == 16_000


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        (answer(b"{}"), Ending.OK),
        (answer(b"<html>"), Ending.FAULTY),
        (answer(b"{}", status="429 Slow"), Ending.THROTTLED),
        (answer(b"{}", status="401 No"), Ending.DENIED),
        (answer(b"{}", status="503 Later"), Ending.FAULTY),
        (b"nothing", Ending.UNREACHABLE),
    ],
)
def test_a_client_counts_what_its_service_answers(
    said: bytes, ending: Ending, request: pytest.FixtureRequest
):
    service = request.node.name
    with (
        served(says(said)) as world,
        HttpClient(Endpoint(service, world.base_url), limits=Limits()) as client,
    ):
        try:
            client.get_json("reading", "/x")
        except EdgeError:
            assert ending is not Ending.OK
    made = CALLS.calls()[service]
    assert {kind for kind, count in made.ended.items() if count} == {ending}
    assert made.seconds > 0
