"""The orders people give: left in the database, carried out by the daemon, followed to the end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import policy_option
from stagedrollout.cli.naming import with_nearest
from stagedrollout.cli.ordering import (
    TAKEN_WITHIN_SECONDS,
    Answer,
    addressed,
    as_it_stands,
    new_command,
    open_database,
    order_command,
    progress,
    span,
    tell,
    wait_option,
    wait_until,
)

if TYPE_CHECKING:
    from stagedrollout.core.model import Command
    from stagedrollout.storage.commands import CommandBox


@order_command(
    "start",
    "Let the schedule steer a release from here. A draft is rolled out at the first stage; on the App Store"
    " an approved version is released in phases.",
)
@policy_option("Default: the app's own policy.")
@click.option(
    "--known-bad",
    is_flag=True,
    help="Also a release that was halted, and that nobody has resumed. It stands in the journal and in Slack.",
)
@click.option(
    "--supersede",
    is_flag=True,
    help="Also while an older release is being rolled out: take its place. Needed under supersede: finish.",
)
@click.option(
    "--without-evidence", is_flag=True, help="Also before the store that leads has its evidence (link:)."
)
@wait_option
def start(policy: str, *, known_bad: bool, supersede: bool, without_evidence: bool, **common: Any) -> None:
    _give(
        "start",
        policy=policy,
        known_bad=known_bad,
        supersede=supersede,
        without_evidence=without_evidence,
        **common,
    )


@order_command("hold", "Raise nothing until somebody resumes it. People who have the release keep it.")
@click.option("--for", "hold_for", default="", help="Only for this long, for example 6h.")
@wait_option
def hold(hold_for: str, **common: Any) -> None:
    _give("hold", hold_for=hold_for, **common)


@order_command(
    "resume",
    "Lift a hold, or undo a halt: the release goes on at the percentage it was halted at. Where the app's stores are"
    " linked, it also answers a halt on the other one.",
)
@wait_option
def resume(**common: Any) -> None:
    _give("resume", **common)


_WITHOUT_EVIDENCE = click.option(
    "--without-evidence",
    is_flag=True,
    help="Also on missing, stale, erroneous or contradictory data. Never on FAIL.",
)
_TO = click.option(
    "--to",
    default="",
    metavar="PERCENT",
    help="The next stage as you know it; refused if another one comes next. Nothing is ever skipped.",
)


@order_command(
    "advance", "Go to the next stage now: overrides bake, sample and hours; never a FAIL, a halt or a freeze."
)
@_WITHOUT_EVIDENCE
@_TO
@wait_option
def advance(*, without_evidence: bool, **common: Any) -> None:
    _give("advance", without_evidence=without_evidence, **common)


@order_command("complete", "Go to 100 % now, under the same terms as advance.")
@_WITHOUT_EVIDENCE
@wait_option
def complete(*, without_evidence: bool, **common: Any) -> None:
    _give("complete", without_evidence=without_evidence, **common)


@order_command(
    "approve",
    "Allow the next step, where its stage asks for approvals. It holds for as long as the policy says, and only while the"
    " evidence is no worse.",
)
@_TO
@click.option(
    "--removal",
    is_flag=True,
    help="Agree that somebody else takes the app off sale (remove-from-sale), where the policy wants two persons.",
)
@wait_option
def approve(*, removal: bool, to: str, **common: Any) -> None:
    if removal and to:
        raise click.UsageError("--removal allows no step: leave --to out")
    _give("approve", to=to, removal=removal, **common)


@order_command("reject", "Say no to the next step: hold the release, and take back what others have allowed.")
@wait_option
def reject(**common: Any) -> None:
    _give("reject", **common)


@order_command(
    "skip-bake",
    "Do not wait for the rest of the bake at this stage. Evidence, sample, hours and approvals count as ever.",
)
@wait_option
def skip_bake(**common: Any) -> None:
    _give("skip-bake", **common)


@order_command(
    "ignore", "Look after a release no more: neither raise nor watch it, until somebody starts it."
)
@wait_option
def ignore(**common: Any) -> None:
    _give("ignore", **common)


@order_command("set-policy", "Steer a release by another policy from here; bake and evidence begin anew.")
@click.argument("policy")
@wait_option
def set_policy(policy: str, **common: Any) -> None:
    _give("set-policy", policy=policy, **common)


def _give(verb: str, *, app: str, store: str, config: Path, as_json: bool, **terms: Any) -> None:
    from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415

    seconds = span(terms.pop("wait"), "--wait").total_seconds()
    database, stores = addressed(config, app, store, terms.get("policy", ""))
    if len(stores) > 1:
        raise click.UsageError(f"{app} is on {', '.join(stores)}: say which with --store")
    engine = open_database(database)
    command = new_command(verb, app, stores[0], **terms)
    if not command.verb.brakes:
        command = replace(command, expected=as_it_stands(engine, app, stores[0]))
    box = CommandBox(engine)
    box.put(command)
    answer = _followed(box, command, seconds)
    tell([answer], as_json=as_json)
    sys.exit(answer.code)


def _followed(box: CommandBox, command: Command, seconds: float) -> Answer:
    """Wait for what becomes of it."""
    with progress(f"{command.verb.value} {command.app} on {command.store.value}") as say:
        row = wait_until(
            lambda: box.find(command.id), lambda row: row.taken_at or row.finished_at, TAKEN_WITHIN_SECONDS
        )
        if not (row.taken_at or row.finished_at):
            silence = f"no daemon took the order within {TAKEN_WITHIN_SECONDS:.0f} s"
            until = f" until {command.expires_at:%H:%M:%S} UTC" if command.expires_at else ""
            text = f"{silence}; it stays valid{until} for a daemon that starts"
            return Answer(command, "not_taken", text, 4)
        say("taken up by the daemon; waiting until the store shows it")
        row = wait_until(lambda: box.find(command.id), lambda row: row.finished_at, seconds)
    result = row.result.value if row.result else "failed"
    text = row.answer or f"taken up, and no answer within {seconds:.0f} s"
    return Answer(command, result, *with_nearest(text, result, command.release))
