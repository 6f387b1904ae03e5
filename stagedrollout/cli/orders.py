"""The orders people give: left in the database, carried out by the daemon, followed to the end."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.core.model import Command, Store

TAKEN_WITHIN_SECONDS = 10.0
"""A daemon notices an order within a second; after this long there is none."""

DONE_WITHIN = timedelta(minutes=2)
ORDER_LASTS = timedelta(minutes=15)
"""A permissive order that nobody could carry out is void after this; a halt never is."""

LOOK_AGAIN_SECONDS = 0.1


def _order(verb: str, help_text: str) -> Callable[[Callable[..., Any]], click.Command]:
    """What all orders have in common."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        for option in (
            json_option,
            config_option,
            click.option("--reason", required=True, help="Why; it stands in the journal and in Slack."),
            click.option(
                "--release", default="", help="Version or build. Default: the rollout that is going on."
            ),
            click.option("--store", default="", help="google_play. Default: the app's only store."),
            click.argument("app"),
        ):
            function = option(function)
        return click.command(verb, help=help_text)(function)

    return decorate


@_order("start", "Let the schedule steer a release from here. A draft is rolled out at the first stage.")
@click.option("--policy", default="", help="Default: the app's own policy.")
def start(policy: str, **common: Any) -> None:
    _give("start", policy=policy, **common)


@_order("hold", "Raise nothing until somebody resumes it. People who have the release keep it.")
@click.option("--for", "hold_for", default="", help="Only for this long, for example 6h.")
def hold(hold_for: str, **common: Any) -> None:
    _give("hold", hold_for=hold_for, **common)


@_order("resume", "Lift a hold, or undo a halt: the release goes on at the percentage it was halted at.")
def resume(**common: Any) -> None:
    _give("resume", **common)


@_order("halt", "Stop the release now, and follow until the store shows it. Exit code 3: NOT HALTED.")
@click.option(
    "--wait",
    default="2m",
    show_default=True,
    help="How long to follow a halt that the store does not show; the daemon tries on in any case.",
)
def halt(**common: Any) -> None:
    _give("halt", **common)


_WITHOUT_EVIDENCE = click.option(
    "--without-evidence",
    is_flag=True,
    help="Also on missing, stale, erroneous or contradictory data. Never on FAIL.",
)


@_order(
    "advance", "Go to the next stage now: overrides bake, sample and hours; never a FAIL, a halt or a freeze."
)
@_WITHOUT_EVIDENCE
def advance(*, without_evidence: bool, **common: Any) -> None:
    _give("advance", without_evidence=without_evidence, **common)


@_order("complete", "Go to 100 % now, under the same terms as advance.")
@_WITHOUT_EVIDENCE
def complete(*, without_evidence: bool, **common: Any) -> None:
    _give("complete", without_evidence=without_evidence, **common)


def _give(verb: str, *, app: str, store: str, config: Path, as_json: bool, **terms: Any) -> None:
    wait = terms.pop("wait", "")
    patience = _span(wait, "--wait") if wait else DONE_WITHIN
    if verb == "halt":
        sys.exit(_halt_whatever(app, store, config, patience, as_json=as_json, **terms))
    database, its_store = _addressed(config, app, store, terms.get("policy", ""))
    command = _command(verb, app, its_store, **terms)
    sys.exit(_left_and_followed(database, command, patience, as_json=as_json))


def _halt_whatever(
    app: str, store: str, config: Path, patience: timedelta, *, as_json: bool, **terms: Any
) -> int:
    """A halt is also given where the configuration is broken; and where nothing helps, that is said."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError, WrongConfiguration  # noqa: PLC0415
    from stagedrollout.core.model import Store  # noqa: PLC0415

    its_store, database = Store(store) if store in list(Store) else Store.GOOGLE_PLAY, ""
    with contextlib.suppress(WrongConfiguration):  # then the address of the database is all that is needed
        database, its_store = _addressed(config, app, store, "")
    command = _command("halt", app, its_store, **terms)
    try:
        return _left_and_followed(database or database_url(config), command, patience, as_json=as_json)
    except (StorageError, WrongConfiguration) as error:
        answer = f"NOT HALTED: {error}. {_by_hand(command)}"
        return _tell(command, "not_halted", answer, 3, as_json=as_json)


def _left_and_followed(database: str, command: Command, patience: timedelta, *, as_json: bool) -> int:
    from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415
    from stagedrollout.storage.engine import open_existing  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_existing(database)
    check(engine)
    box = CommandBox(engine)
    box.put(command)
    return _follow(box, command, patience, as_json=as_json)


def _addressed(config: Path, app: str, store: str, policy: str) -> tuple[str, Store]:
    """The database and the store meant. Raises click.UsageError with the nearest names."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.config.problems import nearest  # noqa: PLC0415
    from stagedrollout.core.model import Store  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    settings = loaded.settings.app(app)
    if settings is None:
        raise click.UsageError(f"no app {app!r}{_hint(nearest(app, [a.name for a in loaded.settings.apps]))}")
    if policy and policy not in loaded.policies:
        raise click.UsageError(f"no policy {policy!r}{_hint(nearest(policy, loaded.policies))}")
    stores = settings.stores
    if store and store not in stores:
        raise click.UsageError(f"{app} is not on {store!r}; it is on {', '.join(stores)}")
    if not store and len(stores) > 1:
        raise click.UsageError(f"{app} is on {', '.join(stores)}: say which with --store")
    return loaded.settings.database, Store(store) if store else stores[0]


def _hint(words: str) -> str:
    return f"; {words}" if words else ""


def _command(verb: str, app: str, store: Store, *, release: str, reason: str, **terms: Any) -> Command:
    from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb  # noqa: PLC0415

    now = datetime.now(UTC)
    return Command(
        id=uuid.uuid4().hex,
        verb=CommandVerb(verb),
        app=app,
        store=store,
        actor=Actor(ActorKind.HUMAN, _user()),
        reason=reason,
        created_at=now,
        expires_at=None if verb in ("halt", "hold") else now + ORDER_LASTS,
        release=release,
        policy=terms.get("policy", ""),
        hold_for=_span(terms["hold_for"], "--for") if terms.get("hold_for") else None,
        without_evidence=terms.get("without_evidence", False),
    )


def _span(written: str, option: str) -> timedelta:
    """A duration from the command line. Raises click.BadParameter in words."""
    from stagedrollout.core.units import duration  # noqa: PLC0415

    try:
        return duration(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _user() -> str:
    """Who is acting: the OS user, and through sudo the one who called it. Never an argument, nor what
    an environment variable claims; only root's own sudo may be believed."""
    import pwd  # noqa: PLC0415

    caller = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    user = int(caller) if caller.isdecimal() else os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"


def _follow(box: Any, command: Command, patience: timedelta, *, as_json: bool) -> int:
    """Wait for the answer and tell it. Returns the exit code."""
    halting = command.verb.value == "halt"
    row = _wait(
        lambda: box.find(command.id), lambda row: row.taken_at or row.finished_at, TAKEN_WITHIN_SECONDS
    )
    if not (row.taken_at or row.finished_at):
        return _tell(command, "not_taken", _nobody(command), 3 if halting else 4, as_json=as_json)
    if halting:
        return _halt_followed(box, command, patience, as_json=as_json)
    row = _wait(lambda: box.find(command.id), lambda row: row.finished_at, patience.total_seconds())
    result = row.result.value if row.result else "failed"
    answer = row.answer or f"taken up, and no answer within {patience.total_seconds():.0f} s"
    return _tell(command, result, answer, 0 if result == "done" else 1, as_json=as_json)


def _halt_followed(box: Any, command: Command, patience: timedelta, *, as_json: bool) -> int:
    """Until the store shows the halt, or the patience is over: then it is NOT HALTED, whatever was tried."""
    ends = time.monotonic() + patience.total_seconds()
    row = _wait(
        lambda: box.find(command.id), lambda row: row.finished_at or row.answer, patience.total_seconds()
    )
    if row.answer and not row.finished_at:
        click.echo(f"NOT HALTED yet: {row.answer}. The daemon tries again. {_by_hand(command)}", err=True)
        row = _wait(lambda: box.find(command.id), lambda row: row.finished_at, ends - time.monotonic())
    if row.result and row.result.value == "done":
        return _tell(command, "done", row.answer, 0, as_json=as_json)
    why = row.answer or f"taken up, and no answer within {patience.total_seconds():.0f} s"
    return _tell(command, "not_halted", f"NOT HALTED: {why}. {_by_hand(command)}", 3, as_json=as_json)


def _wait(look: Callable[[], Any], done: Callable[[Any], Any], seconds: float) -> Any:
    """Look until `done` or the time is over; returns the last look."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if done(found) or time.monotonic() >= ends:
            return found
        time.sleep(LOOK_AGAIN_SECONDS)


def _nobody(command: Command) -> str:
    from stagedrollout.core.model import CommandVerb  # noqa: PLC0415

    silence = f"no daemon took the order within {TAKEN_WITHIN_SECONDS:.0f} s"
    if command.verb is not CommandVerb.HALT:
        until = f" until {command.expires_at:%H:%M:%S} UTC" if command.expires_at else ""
        return f"{silence}; it stays valid{until} for a daemon that starts"
    return f"NOT HALTED: {silence}. {_by_hand(command)} A daemon that starts will carry the order out."


def _by_hand(command: Command) -> str:
    from stagedrollout.core.wording import console_hint  # noqa: PLC0415

    return f"Stop it by hand: {console_hint(command.store)}."


def _tell(command: Command, result: str, answer: str, code: int, *, as_json: bool) -> int:
    if as_json:
        import json  # noqa: PLC0415

        document = {"command": command.id, "verb": command.verb.value, "result": result, "answer": answer}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(answer, err=code != 0)
    return code
