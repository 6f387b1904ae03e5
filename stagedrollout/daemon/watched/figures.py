"""The numbers of /metrics, by the names of `table`. Pure: from what was seen, and the counts of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from stagedrollout import __version__
from stagedrollout.core.clocks import CLOCKS_DISAGREE
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, LN_HOLD
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.line import LINE_STOPPED
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.core.units import PPM_ALL
from stagedrollout.daemon.watched.checks import SILENT_AFTER, alive, all_well, ready
from stagedrollout.daemon.watched.memory import GateLook, Look
from stagedrollout.daemon.watched.seen import Seen
from stagedrollout.http.tally import Calls
from stagedrollout.storage.highwater import BEHIND, UNMARKED, UNWRITABLE

Labels = tuple[str, ...]
Figure = tuple[str, Labels, float]
"""A metric's name, the values of its labels in the table's order, and its value."""

CAUSES = (BEHIND, UNMARKED, UNWRITABLE, CLOCKS_DISAGREE, LINE_STOPPED, "line_unread")
"""What can keep every app from being raised: all are shown, so that an alarm on one that never was can be tried."""

_OF_GATES: Mapping[str, Callable[[GateLook], float | None]] = {
    "stagedrollout_gate_value_ratio": lambda gate: _share(gate.value_ppm),
    "stagedrollout_gate_threshold_ratio": lambda gate: _share(gate.threshold_ppm),
    "stagedrollout_gate_sample": lambda gate: gate.sample,
    "stagedrollout_gate_sample_needed": lambda gate: gate.sample_needed,
    "stagedrollout_evidence_of_harm_ln": lambda gate: gate.ln_harm,
}


def figures(seen: Seen, calls: Mapping[str, Calls]) -> Iterator[Figure]:
    """A summary's are its count and its seconds, under its name with `_count` and `_sum`."""
    yield from _of_the_daemon(seen)
    yield from _of_passes(seen)
    for (app, store, release), look in _by_name(seen.looks).items():
        yield from _of_a_rollout((app, store, release), look, seen.now)
    yield from _of_notices(seen)
    yield from _of_vendors(calls)


def _of_the_daemon(seen: Seen) -> Iterator[Figure]:
    held = not seen.lost and seen.written_age <= SILENT_AFTER
    refused = seen.in_force is not None and seen.in_force.refused is not None
    one = {
        "build_info": ((__version__,), 1),
        "healthy": ((), all_well(alive(seen))),
        "ready": ((), all_well(ready(seen))),
        "turn_age_seconds": ((), _seconds(seen.turn_age)),
        "lease_held": ((), held),
        "tells_people": ((), seen.tells_people),
        "database_writable": ((), not seen.problem and held),
        "database_read_age_seconds": ((), _seconds(seen.sample_age)),
        "configuration_refused": ((), refused),
        "poll_seconds": ((), _seconds(seen.poll)),
    }
    for name, (labels, value) in one.items():
        yield f"stagedrollout_{name}", labels, float(value)
    barred = {reason.code for reason in seen.sample.barred} if seen.sample else set()
    for cause in dict.fromkeys((*CAUSES, *sorted(barred))):
        yield "stagedrollout_raises_barred", (cause,), float(cause in barred)
    for reading in seen.sample.clocks if seen.sample else ():
        yield "stagedrollout_clock_ahead_seconds", (reading.source,), _seconds(reading.ahead)
    for at, threshold in (("hold", LN_HOLD), ("halt", LN_HALT), ("advance", LN_ADVANCE)):
        yield "stagedrollout_evidence_threshold_ln", (at,), threshold


def _of_passes(seen: Seen) -> Iterator[Figure]:
    for app, epoch in seen.epochs.items():
        yield "stagedrollout_lease_epoch", _app(app), float(epoch)
    for app, late in seen.lateness.items():
        yield "stagedrollout_pass_lateness_seconds", _app(app), _seconds(late)
    for app, problem in seen.problems.items():
        yield "stagedrollout_pass_troubled", _app(app), float(bool(problem))
    for (app, ended), count in seen.passes.items():
        yield "stagedrollout_passes_total", (*_app(app), ended.value), float(count)


def _of_a_rollout(labels: Labels, look: Look, now: datetime) -> Iterator[Figure]:
    yield "stagedrollout_rollout_exposure_ratio", labels, look.exposure_ppm / PPM_ALL
    yield "stagedrollout_rollout_not_halted", labels, float(look.phase is Phase.NOT_HALTED)
    yield "stagedrollout_rollout_phase", (*labels, look.phase.value), 1.0
    yield "stagedrollout_rollout_decision", (*labels, look.decision.lower()), 1.0
    if look.ln_safety is not None:
        yield "stagedrollout_evidence_of_safety_ln", labels, look.ln_safety
    for gate in look.gates:
        if gate.verdict is not None:
            yield "stagedrollout_gate_verdict", (*labels, gate.gate, gate.role), float(gate.verdict)
        if gate.as_of is not None:
            yield "stagedrollout_data_age_seconds", (*labels, gate.gate), _seconds(now - gate.as_of)
        for name, value_of in _OF_GATES.items():
            if (value := value_of(gate)) is not None:
                yield name, (*labels, gate.gate), float(value)


def _by_name(looks: Mapping[RolloutKey, Look]) -> dict[tuple[str, str, str], Look]:
    """Where people call two releases of an app alike, the one that was found last: a series must not come twice."""
    return {(key.app, key.store.value, look.release): look for key, look in looks.items()}


def _of_notices(seen: Seen) -> Iterator[Figure]:
    sample = seen.sample
    if sample is None:
        return
    age = seen.now - sample.oldest if sample.oldest else timedelta(0)
    yield "stagedrollout_notices_undelivered", (), float(sample.waiting)
    yield "stagedrollout_notice_undelivered_age_seconds", (), _seconds(age)
    yield "stagedrollout_notices_lost", (), float(sample.lost)


def _of_vendors(calls: Mapping[str, Calls]) -> Iterator[Figure]:
    took = "stagedrollout_vendor_request_duration_seconds"
    for vendor, made in calls.items():
        for ending, count in made.ended.items():
            yield "stagedrollout_vendor_requests_total", (vendor, ending.value), float(count)
        yield f"{took}_count", (vendor,), float(sum(made.ended.values()))
        yield f"{took}_sum", (vendor,), made.seconds


def _app(app: StoreApp) -> Labels:
    return app.app, app.store.value


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM_ALL


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
