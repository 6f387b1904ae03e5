"""A team's own signals have the same standing as the built-in ones, and nothing else gets in by that door."""

from __future__ import annotations

import copy
import pickle

import pytest

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.evidence.terms import WEIGHT_NAMED, WEIGHTS, SignalId, Terms, Weight, shared_out
from stagedrollout.core.ledger import Measure

CHECKOUT = SignalId.called("checkout_errors")
OURS = tuple(WEIGHTS)


def test_a_named_signal_is_one_and_the_same_wherever_it_is_asked_for() -> None:
    assert SignalId("signal:checkout_errors") is CHECKOUT
    assert copy.deepcopy(CHECKOUT) is CHECKOUT
    assert pickle.loads(pickle.dumps(CHECKOUT)) is CHECKOUT
    assert CHECKOUT.measure is Measure("signal:checkout_errors")
    assert (CHECKOUT.given, CHECKOUT.words) == ("checkout_errors", "checkout errors against the baseline")


def test_who_goes_through_the_signals_meets_the_built_in_ones_only() -> None:
    assert CHECKOUT not in list(SignalId)
    assert len(list(SignalId)) == 5


@pytest.mark.parametrize(
    "word", ["", "checkout_errors", "signal:", "signal:A", "signal:a b", "signal:" + "a" * 41, 7]
)
def test_what_is_no_name_is_still_no_signal(word: object) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        SignalId(word)  # type: ignore[arg-type]


def test_without_named_signals_every_weight_is_what_it_was() -> None:
    assert shared_out(OURS) == tuple(
        Weight(signal, weight / sum(WEIGHTS.values())) for signal, weight in WEIGHTS.items()
    )


def test_a_named_signal_takes_its_share_from_all_others_alike() -> None:
    weights = shared_out((*OURS, CHECKOUT))
    assert sum(each.weight for each in weights) == pytest.approx(1)
    assert weights[-1] == Weight(CHECKOUT, pytest.approx(WEIGHT_NAMED / 1.1))  # type: ignore[arg-type]
    assert weights[0].weight == pytest.approx(0.6 / 1.1)


def test_the_journal_keeps_the_terms_of_named_signals() -> None:
    terms = Terms(
        1.2, 2.0, 0.004, 0.008, shared_out((*OURS, CHECKOUT)), holding=(SignalId.called("slow_starts"),)
    )
    assert decode(Terms, encode(terms)) == terms
