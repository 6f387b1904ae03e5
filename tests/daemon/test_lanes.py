"""A halt takes the store app over at once; a raise under way notices before its next request."""

import pytest

from stagedrollout.core.errors import LostLease, Preempted
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.lanes import Lanes

ACME = StoreApp("acme", Store.GOOGLE_PLAY)
OTHER = StoreApp("other", Store.GOOGLE_PLAY)


def ours() -> None:
    """The lease is ours."""


def test_a_raise_sends_nothing_more_once_a_halt_came():
    lanes = Lanes(monotonic=lambda: 0.0)
    with lanes.raising(lanes.permit(ACME, 10.0), ours) as clearance:
        clearance()
        lanes.halt(ACME)
        with pytest.raises(Preempted, match="a halt took over"):
            clearance()


def test_a_halt_of_another_app_disturbs_nobody():
    lanes = Lanes(monotonic=lambda: 0.0)
    with lanes.raising(lanes.permit(ACME, 10.0), ours) as clearance:
        lanes.halt(OTHER)
        clearance()


def test_a_raise_after_the_halt_may_go_again():
    lanes = Lanes(monotonic=lambda: 0.0)
    lanes.halt(ACME)
    with lanes.raising(lanes.permit(ACME, 10.0), ours) as clearance:
        clearance()


def test_two_raises_of_one_app_never_run_at_once():
    lanes = Lanes(monotonic=lambda: 0.0)
    with lanes.raising(lanes.permit(ACME, 10.0), ours):
        with pytest.raises(Preempted, match="under way"), lanes.raising(lanes.permit(ACME, 10.0), ours):
            pytest.fail("the second raise got the lane")
        with lanes.raising(lanes.permit(OTHER, 10.0), ours) as clearance:
            clearance()
    with lanes.raising(lanes.permit(ACME, 10.0), ours) as clearance:
        clearance()


def test_a_raise_sends_nothing_after_its_pass_ran_out_of_time():
    seconds = iter([5.0, 10.5])
    lanes = Lanes(monotonic=lambda: next(seconds))
    with lanes.raising(lanes.permit(ACME, 10.0), ours) as clearance:
        clearance()
        with pytest.raises(Preempted, match="ran out of time"):
            clearance()


def test_a_daemon_that_lost_its_lease_raises_nothing():
    def lost() -> None:
        raise LostLease("another daemon has claimed the database")

    lanes = Lanes(monotonic=lambda: 0.0)
    with lanes.raising(lanes.permit(ACME, 10.0), lost) as clearance, pytest.raises(LostLease):
        clearance()


def test_a_raise_whose_pass_began_before_the_halt_sends_nothing_at_all():
    lanes = Lanes(monotonic=lambda: 0.0)
    permit = lanes.permit(ACME, 10.0)
    lanes.halt(ACME)
    with lanes.raising(permit, ours) as clearance, pytest.raises(Preempted, match="a halt took over"):
        clearance()
