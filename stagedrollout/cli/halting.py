"""`halt`: stop a release wherever it is going on, and follow until the stores show it.

It is also given where the configuration is broken, and where nothing helps, that is said: exit code 3. Stores do
not wait for each other: one whose order cannot be left, or that does not answer, keeps no other from being halted.
With --direct it goes to the stores itself (direct.py).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument
from stagedrollout.cli.going_on import where_to_halt
from stagedrollout.cli.ordering import (
    LOOK_AGAIN_SECONDS,
    TAKEN_WITHIN_SECONDS,
    Answer,
    new_command,
    open_box,
    order_command,
    span,
    stores_meant,
    tell,
)
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.model import Command, StoreApp
    from stagedrollout.storage.commands import CommandBox, CommandRow

_NOTHING_THERE = "nothing_there"


@dataclass(frozen=True, slots=True)
class _Patience:
    """Instants of the monotonic clock, in seconds; one patience for all stores together."""

    taken_by: float
    ends: float


@order_command(
    "halt",
    "Stop the release now, and follow until the store shows it. Exit code 3: NOT HALTED.",
    "google_play or app_store. Default: every store where a rollout is going on.",
    app_argument(default="", required=False),
)
@click.option(
    "--all", "all_apps", is_flag=True, help="Instead of one APP: every app that is being rolled out."
)
@click.option(
    "--direct",
    is_flag=True,
    help="Break-glass: from here to the stores, without the daemon and the database. Whom that binds is said. Exit code"
    " 1: halted, but nothing could be left for the daemons.",
)
@click.option(
    "--wait",
    default="2m",
    show_default=True,
    help="How long to follow a halt that the store does not show; the daemon tries on in any case.",
)
def halt(  # noqa: PLR0913 - one for each option
    *,
    app: str,
    store: str,
    config: Path,
    wait: str,
    all_apps: bool,
    direct: bool,
    as_json: bool,
    **terms: Any,
) -> None:
    ends = time.monotonic() + span(wait, "--wait").total_seconds()
    if bool(app) == all_apps:
        raise click.UsageError("name one APP, or say --all")
    if all_apps and terms["release"]:
        raise click.UsageError("--all halts whatever is being rolled out: --release names one of one app")
    database, apps = _meant(config, app, store)
    if direct:
        given = _directly(config, apps, ends, terms)
    else:
        commands = [new_command("halt", each.app, each.store, **terms) for each in apps]
        given = _halted(config, database, commands, ends)
    answers: list[Answer] = []
    for answer in _weighed(given):
        answers.append(answer)
        if not as_json:
            _tell_one(answer, apps)
    if as_json:
        tell(sorted(answers, key=lambda answer: _place(answer, apps)), as_json=True)
    else:
        _tell_all(config, answers, all_apps=all_apps)
    sys.exit(max(answer.code for answer in answers))


def _directly(
    config: Path, apps: tuple[StoreApp, ...], ends: float, terms: dict[str, Any]
) -> Iterator[Answer]:
    from stagedrollout.cli.direct import halted_directly  # noqa: PLC0415

    return halted_directly(config, apps, ends=ends, **terms)


def _meant(config: Path, app: str, store: str) -> tuple[str, tuple[StoreApp, ...]]:
    """Which store apps, and the database if the configuration can be read as a whole; "" if it cannot."""
    from stagedrollout.core.model import StoreApp  # noqa: PLC0415

    loaded = _as_a_whole(config)
    if loaded is None:  # then the address of the database is all that is needed
        return "", _written(config, app, store)
    if app:
        meant = stores_meant(loaded, app, store)
        return loaded.settings.database, tuple(StoreApp(app, each) for each in meant)
    found = [StoreApp(each.name, there) for each in loaded.settings.apps for there in each.stores]
    return loaded.settings.database, _on(store, found)


def _as_a_whole(config: Path) -> Loaded | None:
    """None where it cannot be used, for whatever reason: a mistake in what reads it keeps no halt either."""
    import os  # noqa: PLC0415

    from stagedrollout.config.load import load  # noqa: PLC0415

    try:
        return load(config, environ=os.environ)
    except Exception:  # noqa: BLE001 - a halt does not need it
        return None


def _written(config: Path, app: str, store: str) -> tuple[StoreApp, ...]:
    """What a file that is broken elsewhere says of apps and stores."""
    from stagedrollout.config.database import listed  # noqa: PLC0415
    from stagedrollout.core.model import Store, StoreApp  # noqa: PLC0415

    if app and store in list(Store):
        return (StoreApp(app, Store(store)),)
    found = [StoreApp(name, Store(there)) for name, there in listed(config) if app in ("", name)]
    if found:
        return _on(store, list(dict.fromkeys(found)))
    if not app:
        raise click.UsageError(f"{config} does not say which apps there are: halt them by their names")
    return (StoreApp(app, Store.GOOGLE_PLAY),)


def _on(store: str, apps: list[StoreApp]) -> tuple[StoreApp, ...]:
    found = tuple(each for each in apps if store in ("", each.store.value))
    if not found:
        raise click.UsageError(f"no app is on {store!r}" if store else "the configuration names no app")
    return found


def _weighed(answers: Iterable[Answer]) -> Iterator[Answer]:
    """As they come. Where there was nothing to halt comes last: that is bad only if nothing was halted at all."""
    nothing: list[Answer] = []
    halted = False
    for answer in answers:
        if answer.result == _NOTHING_THERE:
            nothing.append(answer)
            continue
        halted = halted or answer.code != 3
        yield answer
    for answer in nothing:
        if halted:
            yield replace(answer, text=f"nothing to halt there: {answer.text}", code=0)
        else:
            yield _not_halted(answer.command, answer.text)


def _halted(config: Path, database: str, commands: list[Command], ends: float) -> Iterator[Answer]:
    """All orders are left before any is followed: no store's halt waits for another's."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError, WrongConfiguration  # noqa: PLC0415

    try:
        url = database or database_url(config)
        box = open_box(url)
    except (StorageError, WrongConfiguration) as error:
        yield from (_not_left(command, f"{error}") for command in commands)
        return
    chosen = where_to_halt(url, commands)
    left, failed = _left(box, chosen)
    _say_let_be([command for command in commands if command not in chosen])
    yield from failed
    yield from _followed(box, left, ends)


def _say_let_be(commands: list[Command]) -> None:
    for each in commands:
        where = f"{each.app} --store {each.store.value}"
        words = f"nothing is going on there, so it is let be (halt {where} halts it)"
        click.echo(one_line(f"{each.app} on {each.store.value}: {words}"), err=True)


def _left(box: CommandBox, commands: list[Command]) -> tuple[list[Command], list[Answer]]:
    """The orders that are in the database now, and the answers for those that are not."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    left: list[Command] = []
    failed: list[Answer] = []
    for command in commands:
        try:
            box.put(command)
        except StorageError as error:
            failed.append(_not_left(command, f"{error}"))
        else:
            left.append(command)
    return left, failed


def _followed(box: CommandBox, commands: list[Command], ends: float) -> Iterator[Answer]:
    """Each until its store shows the halt, or the patience is over: then it is NOT HALTED, whatever was tried."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    patience = _Patience(time.monotonic() + TAKEN_WITHIN_SECONDS, ends)
    waiting, troubled = list(commands), set[str]()
    while waiting:
        for command in tuple(waiting):
            try:
                row = box.find(command.id)
            except StorageError as error:
                answer: Answer | None = _not_left(command, f"{error}")
            else:
                answer = _answer(command, row, patience)
                if answer is None and row and row.answer and command.id not in troubled:
                    troubled.add(command.id)
                    _say_not_yet(command, row.answer, among_several=len(commands) > 1)
            if answer:
                waiting.remove(command)
                yield answer
        if waiting:
            time.sleep(LOOK_AGAIN_SECONDS)


def _answer(command: Command, row: CommandRow | None, patience: _Patience) -> Answer | None:
    """None while there is something to wait for."""
    if row is None:
        return _not_halted(command, "the order is not in the database any more")
    if row.finished_at:
        return _final(command, row)
    now = time.monotonic()
    if not row.taken_at:
        return _not_taken(command) if now >= patience.taken_by else None
    if now >= patience.ends:
        return _not_halted(command, row.answer or "taken up, and no answer in time")
    return None


def _final(command: Command, row: CommandRow) -> Answer:
    result = row.result.value if row.result else ""
    if result == "done":
        return Answer(command, "done", row.answer, 0)
    if result == "refused" and _nothing_there(command, row.answer):
        return Answer(command, _NOTHING_THERE, row.answer, 3)
    return _not_halted(command, row.answer or "taken up, and given up without a word")


def _nothing_there(command: Command, answer: str) -> bool:
    """By the daemon's words: nobody is meant (core/addressing.py), or only a draft (core/rules/halts.py)."""
    nobody = f"{command.app} on {command.store.value} has no "
    return answer.startswith(nobody) or answer.endswith("there is nothing to halt")


def _not_taken(command: Command) -> Answer:
    silence = f"no daemon took the order within {TAKEN_WITHIN_SECONDS:.0f} s"
    text = f"NOT HALTED: {silence}. {_direct(command)} A daemon that starts will carry the order out."
    return Answer(command, "not_taken", text, 3)


def _say_not_yet(command: Command, answer: str, *, among_several: bool) -> None:
    where = f"{command.app} on {command.store.value}: " if among_several else ""
    said = f"{where}NOT HALTED yet: {answer}. The daemon tries again. {_by_hand(command)}"
    click.echo(one_line(said), err=True)


def _not_halted(command: Command, why: str) -> Answer:
    return Answer(command, "not_halted", f"NOT HALTED: {why}. {_by_hand(command)}", 3)


def _not_left(command: Command, why: str) -> Answer:
    """The database is in the way: there is a way past it."""
    return Answer(command, "not_halted", f"NOT HALTED: {why}. {_direct(command)}", 3)


def _direct(command: Command) -> str:
    from stagedrollout.core.telling import console_hint  # noqa: PLC0415

    release = f" --release {command.release}" if command.release else ""
    meant = f"{command.app} --store {command.store.value}{release}"
    past = f'Stop it past the daemon: stagedrollout halt {meant} --direct --reason "..."'
    return f"{past}; or by hand: {console_hint(command.store)}."


def _by_hand(command: Command) -> str:
    from stagedrollout.core.telling import console_hint  # noqa: PLC0415

    return f"Stop it by hand: {console_hint(command.store)}."


def _place(answer: Answer, apps: tuple[StoreApp, ...]) -> int:
    return next(n for n, each in enumerate(apps) if _is_of(answer, each))


def _is_of(answer: Answer, app: StoreApp) -> bool:
    return (answer.command.app, answer.command.store) == (app.app, app.store)


def _tell_one(answer: Answer, apps: tuple[StoreApp, ...]) -> None:
    """In words; foreign ones among them stay words."""
    command = answer.command
    one_app = len({each.app for each in apps}) == 1
    where = f"{command.store.value}: " if one_app else f"{command.app} on {command.store.value}: "
    click.echo(one_line(f"{where if len(apps) > 1 else ''}{answer.text}"), err=answer.code != 0)


def _tell_all(config: Path, answers: list[Answer], *, all_apps: bool) -> None:
    """What holds for all of them together."""
    if any(answer.more for answer in answers):
        from stagedrollout.cli.direct import tell_binding  # noqa: PLC0415

        tell_binding(config, answers)
    if not all_apps:
        return
    halted = [answer for answer in answers if answer.result in ("done", "not_kept")]
    not_halted = [answer for answer in answers if answer.code == 3]
    click.echo(f"Halted: {len(halted)} of {len(halted) + len(not_halted)}.")
    if not_halted:
        names = ", ".join(f"{each.command.app} on {each.command.store.value}" for each in not_halted)
        click.echo(one_line(f"NOT HALTED: {names}"), err=True)
