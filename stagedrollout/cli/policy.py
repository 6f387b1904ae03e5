"""`policy`: what a policy would do, in words, before anybody trusts it with a release."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import policies
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.policy_compare import compare
from stagedrollout.cli.policy_evaluate import evaluate
from stagedrollout.cli.policy_simulate import simulate
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.core.gates import Gate, RatingGate
    from stagedrollout.core.plan import Plan, Step
    from stagedrollout.core.policy import Policy

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""When the release of a plan goes live: nine o'clock (UTC) on a Monday without holidays."""

_STORES = {"google_play": "Google Play", "app_store": "App Store"}


@click.group(help="Look at policies.")
def policy() -> None:
    pass


policy.add_command(compare)
policy.add_command(evaluate)
policy.add_command(simulate)


@policy.command("list", help="Name the policies there are: the shipped ones and your own.")
@config_option
@json_option
def list_(config: Path, *, as_json: bool) -> None:
    found = {name: each.description for name, each in sorted(_policies(config).items())}
    if as_json:
        click.echo(json.dumps({"policies": found}, indent=2))
        return
    for name, description in found.items():
        click.echo(f"{name}: {one_line(description)}")


@policy.command(
    help="Tell the plan of a policy in words, for both stores. NAME is a policy's name or a file."
)
@click.argument("name", shell_complete=policies)
@config_option
@json_option
def show(name: str, config: Path, *, as_json: bool) -> None:
    named = chosen(name, config)
    if as_json:
        click.echo(json.dumps(document(named), indent=2))
    else:
        click.echo("\n".join(words(named)))


def chosen(name: str, config: Path) -> Policy:
    """A policy by its name, or of a file. Raises WrongConfiguration, click.UsageError with the nearest name."""
    from stagedrollout.config.policies import read_policy  # noqa: PLC0415
    from stagedrollout.config.problems import nearest  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415

    if name.endswith(".yaml") or "/" in name:
        found, problems = read_policy(Path(name))
        if found is None:
            raise WrongConfiguration("\n".join(str(problem) for problem in problems))
        return _without_icalendars(found)
    known = _policies(config)
    if name not in known:
        raise click.UsageError(f"no policy {name!r}; {nearest(name, known)}")
    return _without_icalendars(known[name])


def _without_icalendars(policy: Policy) -> Policy:
    """For plans and rehearsals, whose dates are made up: what a team's calendar says of these weeks is not asked."""
    from dataclasses import replace  # noqa: PLC0415

    return (
        replace(policy, calendar=policy.calendar.with_entries(())) if policy.calendar.icalendars else policy
    )


def _policies(config: Path) -> dict[str, Policy]:
    """The shipped ones, and those of the configuration's folders where there is a configuration."""
    import os  # noqa: PLC0415

    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.config.policies import read_policies  # noqa: PLC0415
    from stagedrollout.config.shipped import policies_folder  # noqa: PLC0415

    if config.is_file():
        return dict(load(config, environ=os.environ).policies)
    return read_policies(policies_folder(), ()).policies


def document(policy: Policy) -> dict[str, Any]:
    """The plan as one document; instants are for a release that goes live on a Monday at 09:00 UTC."""
    return {
        "policy": policy.name,
        "description": policy.description,
        "live_at": MONDAY.isoformat(),
        "stores": {made.store.value: _plan_document(made) for made in _plans(policy)},
        "evidence": _evidence_document(policy),
        "gates": [*(_gate_words(gate) for gate in _gates(policy)), *(gate.told for gate in policy.signals)],
    }


def _plans(policy: Policy) -> tuple[Plan, ...]:
    from stagedrollout.core.model import Store  # noqa: PLC0415
    from stagedrollout.core.plan import plan  # noqa: PLC0415

    return tuple(plan(policy, store, MONDAY) for store in Store)


def _plan_document(made: Plan) -> dict[str, Any]:
    takes = made.takes
    return {
        "days": None if takes is None else round(takes / timedelta(days=1), 1),
        "pause_days": round(made.paused / timedelta(days=1), 1),
        "steps": [
            {
                "exposure_ppm": step.exposure_ppm,
                "begins": step.begins.isoformat() if step.begins else None,
                "stays_seconds": int(step.stay.bake.total_seconds()),
                "min_sample": step.stay.min_sample,
            }
            for step in made.steps
        ],
    }


def words(policy: Policy) -> list[str]:
    """The plan as a release manager would tell it."""
    lines = [f"{policy.name}: {one_line(policy.description)}", ""]
    for made in _plans(policy):
        lines += [f"{_STORES[made.store.value]}{_manner(policy, made)}"]
        lines += [f"  {_step_words(made, step)}" for step in made.steps]
        lines += [f"  {_total(made)}", ""]
    lines += [*_evidence_words(policy), "Floors and reviews" if policy.evidence else "Gates"]
    lines += [f"  {_gate_words(gate)}" for gate in _gates(policy)]
    lines += [f"  {gate.told}" for gate in policy.signals]
    lines += ["", "Earliest, for a healthy release that goes live on a Monday at 09:00 UTC; reviews, small"]
    return [*lines, "samples and the poll come on top."]


def _manner(policy: Policy, made: Plan) -> str:
    if made.store.value != "app_store":
        return ""
    if policy.app_store.mode.value == "follow":
        return ", following Apple's clock: paused only for a cause"
    return ", guarded: paused between Apple's steps, each let happen only on evidence"


def _step_words(made: Plan, step: Step) -> str:
    from stagedrollout.core.units import PPM_ALL, duration_text, percent_text  # noqa: PLC0415

    share = percent_text(step.exposure_ppm)
    if step.begins is None:
        return f"then {share}, when a person says so: stagedrollout complete"
    day = (step.begins.date() - made.live_at.date()).days + 1
    when = f"day {day} ({step.begins:%a %H:%M}): {share}"
    if step.exposure_ppm == PPM_ALL:
        return when
    stays = [f"{duration_text(step.stay.bake)}"] if step.stay.bake else []
    stays += [f"{step.stay.min_sample:,} sessions"] if step.stay.min_sample else []
    return f"{when}, at least {' and '.join(stays)}" if stays else f"{when}, a day by Apple's clock"


def _total(made: Plan) -> str:
    from stagedrollout.core.units import duration_text  # noqa: PLC0415

    days = "as long as people take"
    if made.takes:
        short = made.takes < timedelta(days=2)
        days = f"about {duration_text(made.takes) if short else f'{made.takes / timedelta(days=1):.0f} days'} in all"
    if made.store.value != "app_store":
        return days
    waits = " and those until a person completes it" if made.takes is None else ""
    return f"{days}, {made.paused / timedelta(days=1):.1f} of Apple's 30 pause-days{waits}"


def _evidence_document(policy: Policy) -> dict[str, Any] | None:
    from stagedrollout.core.codec import encode  # noqa: PLC0415

    gate = policy.evidence
    if gate is None:
        return None
    return {
        "margin_percent": str(gate.margin),
        "floor_percent": None if gate.floor is None else str(gate.floor),
        "on_inconclusive": gate.on_inconclusive.value,
        "dark": gate.dark.value,
        "signals": encode(gate.signals),
    }


_CHOICES = {
    "ask": "a person is asked",
    "advance": "it is raised all the same",
    "hold": "it is held",
}


def _evidence_words(policy: Policy) -> list[str]:
    """What the evidence takes, in sentences; nothing where the policy asks for none."""
    from stagedrollout.core.gates import Part  # noqa: PLC0415
    from stagedrollout.core.units import duration_text  # noqa: PLC0415

    gate = policy.evidence
    if gate is None:
        return []
    floor = (
        "twice the baseline's own crash rate"
        if gate.floor is None
        else f"a crash-free share of {gate.floor} %"
    )
    required = ", ".join(signal.value.replace("_", " ") for signal in gate.signals.that_are(Part.REQUIRED))
    longest = {
        duration_text(policy.stay_at(store, step.exposure_ppm).max_bake)
        for store, made in ((made.store, made) for made in _plans(policy))
        for step in made.steps
        if step.stay.bake
    }
    return [
        "Evidence",
        f"  up to {gate.margin} % worse than the releases beside it is tolerated, and {floor}",
        "  halt at odds of harm of 100 : 1, hold at 10 : 1; a raise needs harm ruled out at 10 : 1",
        f"  after {' or '.join(sorted(longest))} at a share without evidence either way: {_CHOICES[gate.on_inconclusive.value]}",
        f"  a release that sends next to no sessions: {gate.dark.value}",
        f"  from {required}",
        "",
    ]


def _gates(policy: Policy) -> tuple[Gate | RatingGate, ...]:
    return (*policy.gates, *((policy.ratings,) if policy.ratings else ()))


def _gate_words(gate: Gate | RatingGate) -> str:
    from stagedrollout.core.gates import Gate, Role  # noqa: PLC0415
    from stagedrollout.core.units import duration_text  # noqa: PLC0415

    roles = {Role.VETO: "; its silence holds nothing up", Role.ADVISORY: " (shown only, decides nothing)"}
    role = roles.get(gate.role, "")
    over = f"over {duration_text(gate.window)}"
    if isinstance(gate, Gate):
        unit = "users" if gate.metric.value.endswith("users") else "sessions"
        return (
            f"{gate.metric.words} below {gate.floor} % {over}, from {gate.min_sample:,} {unit} on,"
            f" in {gate.confirm} polls in a row: halt{role}"
        )
    return (
        f"reviews more than {gate.drop} stars below the previous release, or more than {gate.one_star} % with one"
        f" star, {over}, from {gate.min_reviews} reviews on, in {gate.confirm} looks with news: halt{role}"
    )
