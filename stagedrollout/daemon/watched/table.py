"""Every metric of /metrics: its name, kind, labels and meaning. The HELP lines and the README's table are made from it.

Names end in their unit, counters in `_total`. `app` and `store` are as in the configuration, `release` is what people
call it, `gate` as in the policy: a rollout that is over has no series any more. Ages are computed when they are asked
for, so that they grow while the daemon hangs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

APP = ("app", "store")
ROLLOUT = (*APP, "release")
GATE = (*ROLLOUT, "gate")


@dataclass(frozen=True, slots=True)
class Metric:
    """`kind` is Prometheus' word: gauge, counter or summary."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


TABLE = (
    Metric("stagedrollout_build_info", "gauge", ("version",), "1, with the version that runs."),
    Metric("stagedrollout_healthy", "gauge", (), "1 while /healthz says ok."),
    Metric("stagedrollout_ready", "gauge", (), "1 while /readyz says ok, that is while anything may be raised."),
    Metric("stagedrollout_turn_age_seconds", "gauge", (), "Since the last sign of life of the turns, due every 10 s."),
    Metric("stagedrollout_lease_held", "gauge", (), "1 while the database confirms that this daemon may act; 0: another one may, or nobody can tell."),
    Metric("stagedrollout_tells_people", "gauge", (), "1 while notices are this daemon's to deliver: of several replicas it is one."),
    Metric("stagedrollout_lease_epoch", "gauge", APP, "The epoch of the lease of a store app that this daemon holds; it grows whenever another one takes over."),
    Metric("stagedrollout_database_writable", "gauge", (), "1 while the database takes this daemon's signs of life."),
    Metric("stagedrollout_database_read_age_seconds", "gauge", (), "Since what only the database knows was last read, tried every 10 s."),
    Metric("stagedrollout_raises_barred", "gauge", ("cause",), "1 while this cause keeps every app from being raised."),
    Metric("stagedrollout_clock_ahead_seconds", "gauge", ("source",), "By how much another clock is certainly ahead of this machine's (below zero: behind)."),
    Metric("stagedrollout_configuration_refused", "gauge", (), "1 while the newest configuration was refused and an older one is in force."),
    Metric("stagedrollout_poll_seconds", "gauge", (), "Time between two passes over a store app."),
    Metric("stagedrollout_pass_lateness_seconds", "gauge", APP, "Since the next pass was due that has not ended yet; 0 before."),
    Metric("stagedrollout_pass_troubled", "gauge", APP, "1 while the newest pass could not do its work."),
    Metric("stagedrollout_passes_total", "counter", (*APP, "outcome"), "Passes that ended: done, troubled, broke_off."),
    Metric("stagedrollout_rollout_exposure_ratio", "gauge", ROLLOUT, "The share of users it is offered to, 0 to 1; of a halted one, before the halt."),
    Metric("stagedrollout_rollout_not_halted", "gauge", ROLLOUT, "1 while a halt is wanted that the store does not show."),
    Metric("stagedrollout_rollout_phase", "gauge", (*ROLLOUT, "phase"), "1, with the phase it is in."),
    Metric("stagedrollout_rollout_decision", "gauge", (*ROLLOUT, "decision"), "1, with what the newest pass decided."),
    Metric("stagedrollout_gate_verdict", "gauge", (*GATE, "role"), "0 pass, 1 insufficient, 2 stale, 3 missing, 4 error, 5 contradictory, 6 fail."),
    Metric("stagedrollout_gate_value_ratio", "gauge", GATE, "The share that the gate judges, 0 to 1: crash-free sessions or users; of reviews, those with one star."),
    Metric("stagedrollout_gate_threshold_ratio", "gauge", GATE, "The share at which the gate fails: below it if crash-free, above it if of one star."),
    Metric("stagedrollout_gate_sample", "gauge", GATE, "Sessions, users or reviews that were counted."),
    Metric("stagedrollout_gate_sample_needed", "gauge", GATE, "So many are needed before the gate speaks."),
    Metric("stagedrollout_data_age_seconds", "gauge", GATE, "Age of the newest data that the gate was judged by."),
    Metric("stagedrollout_evidence_of_harm_ln", "gauge", GATE, "Natural logarithm of the odds that it is worse than what people ran before; of a halted one, when it was halted."),
    Metric("stagedrollout_evidence_of_safety_ln", "gauge", ROLLOUT, "The same for it not being as bad as the next stage must rule out."),
    Metric("stagedrollout_evidence_threshold_ln", "gauge", ("at",), "From where on evidence of harm holds and halts, and evidence of safety lets advance."),
    Metric("stagedrollout_notices_undelivered", "gauge", (), "Notices that wait to be delivered."),
    Metric("stagedrollout_notice_undelivered_age_seconds", "gauge", (), "How long the oldest of them has waited; 0 where none waits."),
    Metric("stagedrollout_notices_lost", "gauge", (), "Urgent notices of the last day that Slack took in no form."),
    Metric("stagedrollout_vendor_requests_total", "counter", ("vendor", "outcome"), "Requests by service and how they ended."),
    Metric("stagedrollout_vendor_request_duration_seconds", "summary", ("vendor",), "How long they took."),
)  # fmt: skip


def shipped(name: str) -> str:
    """The text of a file of this room. Raises OSError."""
    return (Path(__file__).parent / name).read_text("utf-8")
