"""One place tries again: what a service allows, a few times, and never what it refused."""

import pytest
import stamina

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled, Unreachable
from stagedrollout.daemon.retrying import ATTEMPTS, ONCE, SILENT_WAIT_SECONDS, _again, persistently


@pytest.fixture(autouse=True)
def _without_waiting():
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


class Service:
    """Fails with the given errors in turn, then answers."""

    def __init__(self, *errors: EdgeError) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_passing_failure_is_survived():
    service = Service(Unreachable("sentry", "asking", "reset"))
    assert persistently(service) == "answer"


def test_a_lasting_failure_is_told_after_a_few_attempts():
    service = Service(*[Unreachable("sentry", "asking", "reset")] * 10)
    with pytest.raises(Unreachable):
        persistently(service)
    assert service.asked == ATTEMPTS


@pytest.mark.parametrize("error", [Denied("x", "y", "z", status=403), Rejected("x", "y", "z", status=400)])
def test_a_refusal_is_not_repeated(error):
    service = Service(error)
    with pytest.raises(type(error)):
        persistently(service)
    assert service.asked == 1


def test_a_long_wait_is_left_to_the_next_pass():
    service = Service(Throttled("x", "y", "z", wait_seconds=3_600))
    with pytest.raises(Throttled):
        persistently(service)
    assert service.asked == 1


def test_a_service_that_failed_in_the_last_pass_is_asked_once():
    service = Service(Unreachable("sentry", "asking", "reset"))
    with pytest.raises(Unreachable):
        persistently(service, ONCE)
    assert service.asked == 1


def test_a_service_that_does_not_say_for_how_long_is_given_a_moment():
    silent, short = Throttled("sentry", "y", "z"), Throttled("sentry", "y", "z", wait_seconds=3)
    assert (_again(silent), _again(short)) == (SILENT_WAIT_SECONDS, 3)
    service = Service(silent)
    assert persistently(service) == "answer"
