"""What all orders have in common: whom they address, how they are left in the database, and their answers."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.lifecycle import Rollout
    from stagedrollout.core.model import Command, Expected, Store
    from stagedrollout.storage.commands import CommandBox
    from stagedrollout.storage.engine import Engine

TAKEN_WITHIN_SECONDS = 10.0
"""A daemon notices an order within a second; after this long there is none."""

wait_option = click.option(
    "--wait",
    default="2m",
    show_default=True,
    help="How long to follow it until the store shows it; the daemon goes on in any case.",
)

ORDER_LASTS = timedelta(minutes=15)
"""A permissive order that nobody could carry out is void after this; a halt never is."""

LOOK_AGAIN_SECONDS = 0.1

REASON_MAX = 2_000
"""Characters of a reason that is kept in a file: it must fit into one message, and the file be readable again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order, in a word and a sentence, and the exit code for it."""

    command: Command
    result: str
    text: str
    code: int
    more: Mapping[str, str] = field(default_factory=dict)
    """What only some orders have to tell, for programs."""

    def document(self) -> dict[str, str]:
        told = {"command": self.command.id, "verb": self.command.verb.value, "app": self.command.app}
        return {
            **told,
            "store": self.command.store.value,
            "result": self.result,
            "answer": self.text,
            **self.more,
        }


def order_command(
    verb: str,
    help_text: str,
    store_help: str = "google_play or app_store. Default: the app's only store.",
    app: Callable[[Any], Any] = app_argument(),  # noqa: B008 - a decorator, made once
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the options that all orders share."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        for option in (
            json_option,
            config_option,
            click.option("--reason", required=True, help="Why; it stands in the journal and in Slack."),
            release_option("Version or build. Default: the rollout that is going on."),
            store_option(store_help),
            app,
        ):
            function = option(function)
        return click.command(verb, help=help_text)(function)

    return decorate


def addressed(config: Path, app: str, store: str, policy: str) -> tuple[str, tuple[Store, ...]]:
    """The database, and the stores that may be meant. Raises click.UsageError with the nearest names."""
    from stagedrollout.config.load import load  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    return loaded.settings.database, stores_meant(loaded, app, store, policy)


def stores_meant(loaded: Loaded, app: str, store: str, policy: str = "") -> tuple[Store, ...]:
    """The stores of the app, or the one that was named. Raises click.UsageError with the nearest names."""
    from stagedrollout.config.problems import nearest  # noqa: PLC0415
    from stagedrollout.core.model import Store  # noqa: PLC0415

    settings = loaded.settings.app(app)
    if settings is None:
        raise click.UsageError(f"no app {app!r}{_hint(nearest(app, [a.name for a in loaded.settings.apps]))}")
    if policy and policy not in loaded.policies:
        raise click.UsageError(f"no policy {policy!r}{_hint(nearest(policy, loaded.policies))}")
    if store and store not in settings.stores:
        raise click.UsageError(f"{app} is not on {store!r}; it is on {', '.join(settings.stores)}")
    return (Store(store),) if store else settings.stores


def _hint(words: str) -> str:
    return f"; {words}" if words else ""


def new_command(verb: str, app: str, store: Store, *, release: str, reason: str, **terms: Any) -> Command:
    """The order as a value, given now by the person at the keyboard."""
    from stagedrollout.core.approval import REMOVAL  # noqa: PLC0415
    from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb  # noqa: PLC0415

    now = datetime.now(UTC)
    if not reason.strip() and verb != CommandVerb.HALT:
        raise click.BadParameter("say why: it stands in the journal and in Slack", param_hint="--reason")
    return Command(
        id=uuid.uuid4().hex,
        verb=CommandVerb(verb),
        app=app,
        store=store,
        actor=Actor(ActorKind.HUMAN, acting_user()),
        reason=reason if reason.strip() else "no reason given",
        created_at=now,
        expires_at=None if CommandVerb(verb).brakes else now + ORDER_LASTS,
        release=release,
        policy=terms.get("policy", ""),
        hold_for=span(terms["hold_for"], "--for") if terms.get("hold_for") else None,
        without_evidence=terms.get("without_evidence", False),
        known_bad=terms.get("known_bad", False),
        supersede=terms.get("supersede", False),
        to_ppm=REMOVAL if terms.get("removal") else _share(terms.get("to", "")),
        expected=terms.get("expected", ()),
    )


def _share(written: str) -> int | None:
    """A percentage from the command line, in ppm. Raises click.BadParameter in words."""
    from stagedrollout.core.units import percentage, ppm_from_percent  # noqa: PLC0415

    if not written:
        return None
    try:
        share = ppm_from_percent(percentage(written))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from None
    if not share:
        raise click.BadParameter("a stage reaches somebody: more than 0", param_hint="--to")
    return share


def span(written: str, option: str) -> timedelta:
    """A duration from the command line. Raises click.BadParameter in words."""
    from stagedrollout.core.units import duration  # noqa: PLC0415

    try:
        return duration(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def acting_user() -> str:
    """Who is acting: the OS user, and through sudo the one who called it. Never an argument, nor what
    an environment variable claims: sudo's may be believed of root and of accounts that nobody can log in to, such as the
    daemon's, which are reached by sudo alone."""
    import pwd  # noqa: PLC0415

    caller = os.environ.get("SUDO_UID", "") if _reached_by_sudo() else ""
    user = int(caller) if caller.isdecimal() else os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"


_NO_LOGIN = ("nologin", "false")


def _reached_by_sudo() -> bool:
    import pwd  # noqa: PLC0415

    if os.geteuid() == 0:
        return True
    try:
        shell = pwd.getpwuid(os.geteuid()).pw_shell
    except KeyError:
        return False
    return os.path.basename(shell) in _NO_LOGIN  # noqa: PTH119 - a name, no file that is looked at


def open_database(database: str) -> Engine:
    """The database, of this version's schema. Raises StorageError."""
    from stagedrollout.storage.engine import open_existing  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_existing(database)
    check(engine)
    return engine


def open_box(database: str) -> CommandBox:
    """Where orders are left. Raises StorageError."""
    from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415

    return CommandBox(open_database(database))


def as_it_stands(engine: Engine, app: str, store: Store) -> tuple[Expected, ...]:
    """Every release of the store app as its journal tells it now: what whoever orders something can have seen. Of one whose
    journal cannot be read nobody has seen anything. Raises StorageError."""
    from stagedrollout.core.model import StoreApp  # noqa: PLC0415
    from stagedrollout.daemon.recorder import Recorder, no_lease  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415
    from stagedrollout.storage.ledger import LedgerTable  # noqa: PLC0415

    recorder = Recorder(Journal(engine), LedgerTable(engine), no_lease)
    known, _ = recorder.load_all(StoreApp(app, store))
    return tuple(_seen(each.rollout, each.seq) for each in known)


def _seen(rollout: Rollout, seq: int) -> Expected:
    from stagedrollout.core.lifecycle import STOPPED  # noqa: PLC0415
    from stagedrollout.core.model import Expected  # noqa: PLC0415

    stopped = rollout.phase in STOPPED
    return Expected(rollout.release.id, seq, rollout.exposure_ppm, stopped, rollout.mark)


@contextmanager
def progress(about: str) -> Iterator[Callable[[str], None]]:
    """A line on a terminal that tells how far it is; elsewhere nothing."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None  # noqa: ARG005 - the common signature
        return
    with console.status(f"{about}: left for the daemon") as line:
        yield lambda text: line.update(f"{about}: {text}")


def wait_until(look: Callable[[], Any], done: Callable[[Any], Any], seconds: float) -> Any:
    """Look until `done` or the time is over; returns the last look."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if done(found) or time.monotonic() >= ends:
            return found
        time.sleep(LOOK_AGAIN_SECONDS)


def tell(answers: list[Answer], *, as_json: bool) -> None:
    """One answer as it is; several, of one order to several stores, together."""
    if as_json:
        told = [answer.document() for answer in answers]
        click.echo(json.dumps(told[0] if len(told) == 1 else {"answers": told}, indent=2))
        return
    for answer in answers:
        tell_one(answer, among_several=len(answers) > 1)


def tell_one(answer: Answer, *, among_several: bool) -> None:
    """In words; foreign ones among them stay words."""
    where = f"{answer.command.store.value}: " if among_several else ""
    click.echo(one_line(f"{where}{answer.text}"), err=answer.code != 0)
