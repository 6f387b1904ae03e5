"""`freeze --all` and `thaw`: stop the line, and let it go on.

What is written is a file beside the configuration: it needs neither daemon nor database, and the next daemon obeys it
as well as the one that runs. Freezing forbids, and anybody may; thawing counts as a raise.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.ordering import REASON_MAX, acting_user, span
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.core.line import Line
    from stagedrollout.core.model import Actor
    from stagedrollout.storage.brakes import BrakesFolder

SOON = "a daemon that runs obeys within a second, one that starts from its start on; halts go on"


@click.command(
    help="Stop the line: nothing of any app is raised, by the schedule or by hand, until somebody thaws it. Halts go"
    " on; on the App Store what is rolling out is paused. For one app there is `hold`."
)
@click.argument("app", default="", required=False)
@click.option("--all", "all_apps", is_flag=True, help="Every app of this configuration.")
@click.option(
    "--reason", required=True, help="Why; it stands in status, in refusals, in the journal and in Slack."
)
@click.option(
    "--for",
    "lasts",
    default="",
    help="Only for this long, for example 6h. Nothing is raised by its end alone.",
)
@config_option
@json_option
def freeze(  # noqa: PLR0913 - one for each option
    app: str, reason: str, lasts: str, config: Path, *, all_apps: bool, as_json: bool
) -> None:
    from stagedrollout.core.line import Line  # noqa: PLC0415
    from stagedrollout.core.line_facts import LineStopped  # noqa: PLC0415

    if app:
        raise click.UsageError(f'for one app say: stagedrollout hold {app} --reason "..."')
    if not all_apps:
        raise click.UsageError("freeze stops every app: say --all (for one app there is `hold`)")
    _said(reason)
    folder, now = _folder(config), datetime.now(UTC)
    until = now + span(lasts, "--for") if lasts else None
    found = folder.line()
    if found.unread and until is not None:  # it may be stopped with no end, and ending that counts as a raise
        words = (
            f"whether the line is stopped cannot be read: {found.unread}; stop it with no end, without --for"
        )
        _end("refused", found, words, as_json=as_json)
    standing = found.standing(now)
    if standing is not None and standing.until is None and until is not None:
        words = f"it is stopped already by {standing.actor}, with no end: {standing.reason}; thaw it first"
        _end("refused", folder.line(), words, as_json=as_json)
    if standing is not None and standing.until and until and until < standing.until:
        words = f"it is stopped already, until {standing.until:%Y-%m-%d %H:%M} UTC, by {standing.actor}; thaw it first"
        _end("refused", folder.line(), words, as_json=as_json)
    line = Line(LineStopped(uuid.uuid4().hex, _who(), reason, now, until))
    folder.write_line(line)
    whose = f". {folder.whose}" if folder.whose else ""
    _end("stopped", line, f"{_words(line)}; {SOON}{whose}", as_json=as_json)


@click.command(
    help="Let a stopped line go on. It counts as a raise; nothing is raised by it alone: each rollout needs fresh evidence."
)
@click.option("--reason", required=True, help="Why; it stands in the journal and in Slack.")
@config_option
@json_option
def thaw(reason: str, config: Path, *, as_json: bool) -> None:
    from stagedrollout.core.line import Line  # noqa: PLC0415
    from stagedrollout.core.line_facts import LineFreed  # noqa: PLC0415

    _said(reason)
    folder, now = _folder(config), datetime.now(UTC)
    line, (who, barred) = folder.line(), _who_may_raise(config)
    if barred:
        _end("refused", line, barred, as_json=as_json)
    if line.unread:
        words = f"whether the line is stopped cannot be read: {line.unread}; look into that file, then take it away"
        _end("refused", line, words, as_json=as_json)
    stopped = line.standing(now)
    if stopped is None:
        _end("refused", line, "the line is not stopped", as_json=as_json)
    freed = Line(stopped, LineFreed(stopped.id, who, reason, now))
    folder.write_line(freed)
    _end(
        "free",
        freed,
        "the line is free: each rollout goes on with the next evidence that passes",
        as_json=as_json,
    )


def _said(reason: str) -> None:
    """Raises click.BadParameter."""
    if not reason.strip():
        raise click.BadParameter("say why: it stands in the journal and in Slack", param_hint="--reason")
    if len(reason) > REASON_MAX:
        words = f"say it shorter: at most {REASON_MAX} characters, these are {len(reason)}"
        raise click.BadParameter(words, param_hint="--reason")


def _folder(config: Path) -> BrakesFolder:
    """Beside the configuration, which must be there: with a wrong --config nothing would be stopped."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415
    from stagedrollout.storage.brakes import beside  # noqa: PLC0415

    if not config.is_file():
        raise click.UsageError(f"there is no configuration {config}: name it with --config")
    url = ""
    with contextlib.suppress(WrongConfiguration):  # it only tells to whom what root writes belongs
        url = database_url(config)
    return beside(config, url)


def _who_may_raise(config: Path) -> tuple[Actor, str]:
    """Who thaws, in their own name, and why it is not theirs to do; "" if it is. Raises WrongConfiguration: where nobody
    can tell who has the right, nobody has."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.model import Actor, ActorKind, Via  # noqa: PLC0415
    from stagedrollout.core.people import People, Right  # noqa: PLC0415

    people, account = People(load(config, environ=os.environ).settings.people), _who()
    person = people.find(account.name, Via.CLI)
    who = Actor(ActorKind.HUMAN, person.name) if person else account
    return who, people.lacks(Right.RAISE, account, person)


def _who() -> Actor:
    from stagedrollout.core.model import Actor, ActorKind  # noqa: PLC0415

    return Actor(ActorKind.HUMAN, acting_user())


def _words(line: Line) -> str:
    from stagedrollout.core.line import stopped_words  # noqa: PLC0415

    return stopped_words(line.stopped) if line.stopped else ""


def _end(result: str, line: Line, text: str, *, as_json: bool) -> NoReturn:
    from stagedrollout.core.codec import encode  # noqa: PLC0415

    if as_json:
        told = {"result": result, "answer": one_line(text), "line": encode(line)}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(one_line(text), err=result == "refused")
    sys.exit(1 if result == "refused" else 0)
