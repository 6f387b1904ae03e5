"""A team's own counts in the evidence: they halt with it, hold by themselves, and clear nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stagedrollout.core.evidence.terms import LN_HALT, SignalId, shared_out
from stagedrollout.core.evidence.weighing import weigh
from stagedrollout.core.gates import EvidenceGate, Part, Parts, Role
from stagedrollout.core.judgement import Heard, Judgement, Verdict
from stagedrollout.core.ledger import Ledger, Measure, Past, Refused, Tallied, Tally, Untallied, take
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap
from stagedrollout.core.policy import Policy
from stagedrollout.core.run_terms import NamedCounts, terms_of
from tests.core.builders import HOUR, NOON
from tests.core.weighed import GOOD, SIGNALS, assessed, heard, run, sessions, whole, with_evidence

NAME = "checkout_errors"
CHECKOUT = SignalId.called(NAME)
COUNTED = Measure.called(NAME)
PAST = Past(1_000_000, 4_000, 2_000)
HEALTHY = Tally(1_000, 10, 9_000, 90)
FAILING = Tally(1_000, 60, 9_000, 90)
HOURS = [GOOD] * 12


def asked(**gate: Any) -> Policy:
    return with_evidence(signals=(NamedGate(signal=NAME, **gate),))


def told(*tallies: Tally, **terms: Any) -> Heard:
    """A pass that read these hours of the checkout, the last one ending now; crashes are as usual."""
    weights = terms.pop("weights", shared_out((*SIGNALS, CHECKOUT)))
    read = sessions(*tallies, measure=COUNTED) if tallies else Untallied("m", COUNTED, Gap.ABSENT, "nothing")
    before = heard(*HOURS, of=run(weights=weights, **terms), read=(read,))
    ledger = _with(before, read)
    return replace(before, weighing=ledger)


def _with(before: Heard, read: Tallied | Untallied) -> Any:
    assert before.weighing is not None
    ledger = Ledger("shop")
    for each in before.tallies:
        if isinstance(each, Tallied):
            ledger = take(ledger, each, NOON).ledger
    return weigh(before.weighing.run, ledger)


def own(what: Heard, by: Policy | None = None, **other: Any) -> Judgement:
    found = assessed(what, by or asked(), **other)
    return next(j for j in found.judgements if j.gate.name == f"signal:{NAME}")


def test_a_regression_that_only_the_checkout_shows_halts_the_release() -> None:
    found = assessed(told(*[FAILING] * 12), asked())
    assert whole(found).verdict is Verdict.FAIL
    assert whole(found).reason.ln_e >= LN_HALT
    assert "checkout errors against the baseline x6.0 since" in whole(found).reason.text


def test_a_healthy_checkout_passes() -> None:
    found = own(told(*[HEALTHY] * 12))
    assert (found.verdict, found.gate.role) == (Verdict.PASS, Role.REQUIRED)


def test_a_signal_that_cannot_halt_holds_by_its_own_evidence() -> None:
    what = told(*[FAILING] * 12, weights=shared_out(SIGNALS), holding=(CHECKOUT,))
    found = assessed(what, asked())
    assert whole(found).verdict is not Verdict.FAIL
    assert own(what).verdict is Verdict.CONTRADICTORY
    assert found.worst is Verdict.CONTRADICTORY


def test_an_advisory_signal_is_shown_and_decides_nothing() -> None:
    what = told(*[FAILING] * 12, weights=shared_out(SIGNALS), advisory=(CHECKOUT,))
    found = assessed(what, asked(role=Role.ADVISORY))
    assert own(what, asked(role=Role.ADVISORY)).gate.role is Role.ADVISORY
    assert found.worst is Verdict.PASS


def test_the_role_is_that_of_the_run_not_what_the_policy_says_meanwhile() -> None:
    assert own(told(*[HEALTHY] * 12), asked(role=Role.ADVISORY)).gate.role is Role.REQUIRED


def test_a_signal_whose_gate_was_removed_still_speaks_until_the_run_ends() -> None:
    found = assessed(told(), with_evidence())
    assert [j.verdict for j in found.judgements if j.gate.name == CHECKOUT.value] == [Verdict.MISSING]


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (Untallied("m", COUNTED, Gap.FAILED, "down"), Verdict.ERROR),
        (Untallied("m", COUNTED, Gap.IMPLAUSIBLE, "odd"), Verdict.ERROR),
        (Untallied("m", COUNTED, Gap.ABSENT, "nothing"), Verdict.MISSING),
        (sessions(HEALTHY, until=NOON - 3 * HOUR, measure=COUNTED), Verdict.STALE),
    ],
)
def test_what_was_not_read_afresh_clears_nothing(read: Tallied | Untallied, verdict: Verdict) -> None:
    before = told(*[HEALTHY] * 12)
    others = tuple(each for each in before.tallies if each.measure is not COUNTED)
    assert own(replace(before, tallies=(*others, read))).verdict is verdict


def test_a_source_that_was_not_asked_in_this_pass_is_an_error() -> None:
    before = told(*[HEALTHY] * 12)
    others = tuple(each for each in before.tallies if each.measure is not COUNTED)
    assert own(replace(before, tallies=others)).verdict is Verdict.ERROR


def test_a_late_source_may_be_as_late_as_it_declares() -> None:
    before = told(*[HEALTHY] * 12)
    late = replace(sessions(HEALTHY, until=NOON - 3 * HOUR, measure=COUNTED), lag=2 * HOUR)
    others = tuple(each for each in before.tallies if each.measure is not COUNTED)
    assert own(replace(before, tallies=(*others, late))).verdict is Verdict.PASS


@pytest.mark.parametrize("silent", [Tally(0, 0, 9_000, 90), Tally(1_000, 10, 0, 0)])
def test_an_arm_of_which_nothing_is_known_is_not_taken_for_healthy(silent: Tally) -> None:
    assert own(told(*[silent] * 12)).verdict is Verdict.MISSING
    assert own(told(*[silent] * 2), run_since=NOON - 2 * HOUR).verdict is Verdict.INSUFFICIENT


def test_too_small_a_sample_waits() -> None:
    assert own(told(*[HEALTHY] * 12), asked(min_sample=50_000)).verdict is Verdict.INSUFFICIENT


def test_bad_data_of_a_signal_is_its_own_error_and_not_that_of_the_crashes() -> None:
    what = replace(told(*[HEALTHY] * 12), refused=(Refused(NOON - HOUR, "odd", COUNTED),))
    assert own(what).verdict is Verdict.ERROR
    assert whole(assessed(what, asked())).verdict is Verdict.PASS


def test_a_signal_that_came_after_the_run_began_waits_for_the_next_run() -> None:
    without = heard(*HOURS)
    assert own(without).verdict is Verdict.MISSING
    assert own(without, run_since=NOON - HOUR).verdict is Verdict.INSUFFICIENT


def test_the_policy_decides_the_part_a_signal_takes_and_the_declaration_whether_it_may_halt() -> None:
    def terms(role: Role, *, can_halt: bool = True, past: Past | None = PAST) -> Any:
        return terms_of(EvidenceGate(), past, reviewed=False, own=(NamedCounts(CHECKOUT, role, can_halt),))

    assert terms(Role.REQUIRED).weight(CHECKOUT) == pytest.approx(0.1 / 1.0)
    assert terms(Role.REQUIRED).vetoes == ()
    assert terms(Role.VETO).vetoes == (CHECKOUT,)
    assert terms(Role.REQUIRED, can_halt=False).holding == (CHECKOUT,)
    assert terms(Role.REQUIRED, can_halt=False).weight(CHECKOUT) == 0
    assert terms(Role.ADVISORY).advisory == (CHECKOUT,)
    assert CHECKOUT not in terms(Role.REQUIRED, past=None).computed


def test_a_gate_by_counts_needs_evidence_and_two_gates_on_one_signal_are_refused() -> None:
    with pytest.raises(ValueError, match="needs evidence"):
        replace(asked(), evidence=None, gates=replace_role(asked()))
    with pytest.raises(ValueError, match="two gates"):
        with_evidence(signals=(NamedGate(signal=NAME), NamedGate(signal=NAME)))


def replace_role(policy: Policy) -> Any:
    return tuple(replace(gate, role=Role.REQUIRED) for gate in policy.gates)


def test_what_a_run_is_judged_by_names_the_signals() -> None:
    assert "signal:checkout_errors required" in asked().evidence_settings
    assert with_evidence().evidence_settings == EvidenceGate().settings
    parts = Parts(abnormal_sessions=Part.OFF)
    assert (
        with_evidence(evidence=EvidenceGate(signals=parts)).evidence_settings
        == EvidenceGate(signals=parts).settings
    )


def test_worse_counts_never_lower_the_evidence() -> None:
    ln_es = [told(*[replace(HEALTHY, k_c=bad)] * 6).weighing.ln_e for bad in (0, 5, 10, 30, 100, 1_000)]  # type: ignore[union-attr]
    assert ln_es == sorted(ln_es)
