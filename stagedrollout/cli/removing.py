"""`remove-from-sale`: take an iOS app off sale everywhere, by a person's typed consent, without the daemon.

Break-glass, as `halt` past the daemon is: it goes to Apple itself, and the code it leads to can only take away.
Exit code 0: Apple shows it off sale in every territory; 1: it does not, or nothing was sent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from stagedrollout.cli.completing import app_argument
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.ordering import acting_user, span, stores_meant
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.config.settings import AppStoreListing
    from stagedrollout.core.people import People
    from stagedrollout.daemon.removal import Removal, Removed, Standing, Trace

MEANS = (
    "It is every version and every platform of the app, not only the release that is going out.",
    "The phased release of the present version is over for good; going back on sale does not bring it back.",
    "It can take up to 24 hours until nobody can get the app any more; nothing is taken off any device.",
    "People who own the app may not be able to download it again.",
    "By hand it can be undone: App Store Connect > the app > Pricing and Availability.",
)
LOOK_AGAIN = "look again with --dry-run, or at App Store Connect > the app > Pricing and Availability"


@click.command(
    "remove-from-sale", help="Take an iOS app off sale in every territory, now and without the daemon."
)
@app_argument()
@click.option("--reason", required=True, help="Why; it stands in the journal and in Slack.")
@click.option(
    "--yes-remove", "consent", default="", metavar="NAME", help="The app's name, instead of typing it."
)
@click.option(
    "--dry-run", is_flag=True, help="Look where it is sold, say what would be sent, and send nothing."
)
@click.option("--wait", default="1h", show_default=True, help="How long to go on where Apple asks to wait.")
@config_option
@json_option
def remove_from_sale(  # noqa: PLR0913 - one for each option
    *, app: str, reason: str, consent: str, dry_run: bool, wait: str, config: Path, as_json: bool
) -> None:
    within = span(wait, "--wait").total_seconds()
    if consent and consent != app:
        raise click.UsageError(f"--yes-remove names {consent!r}, and the app is {app!r}: nothing was sent")
    case = _open(config, app, as_json=as_json)
    before = case.looked()
    case.say(f"{case.title} is on sale in {len(before.on_sale)} of {before.total} territories.")
    if not before.on_sale:
        case.end("nothing_to_do", before, before.words, 0 if before.gone else 1)
    for line in MEANS:
        case.say(f"- {line}")
    if dry_run:
        case.end("dry_run", before, f"nothing was sent; it would be {len(before.on_sale)} requests", 0)
    if alone := case.alone():
        case.end("one_person", before, f"nothing was sent: {alone}", 1)
    if not _consents(app, consent):
        case.end("no_consent", before, "that is not its name: nothing was sent", 1)
    removed = _carried_out(case, before, reason, within)
    result = "removed" if removed.standing.gone else "not_removed"
    words = (
        removed.words if removed.standing.gone else f"NOT OFF SALE everywhere: {removed.words}; {LOOK_AGAIN}"
    )
    case.end(result, removed.standing, words, 0 if removed.standing.gone else 1, removed.problems)


@dataclass(frozen=True, slots=True)
class _Case:
    """The app in question; what is said goes to the error output where a program reads the other one."""

    app: str
    listing: AppStoreListing
    store_name: str
    removal: Removal
    trace: Trace
    as_json: bool
    people: People
    by_two: bool
    untraced: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.app} ({self.store_name}, {self.listing.bundle_id}, Apple ID {self.listing.app_id})"

    def alone(self) -> str:
        """Why this person may not do it by themselves; "" where they may, or somebody else has agreed."""
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415

        if not self.by_two:
            return ""
        how = f"stagedrollout approve {self.app} --store app_store --removal"
        try:
            agreed = self.trace.agreed_by(self.people, datetime.now(UTC))
        except StorageError as error:
            return f"the policy wants two persons for this, and whether another one has agreed cannot be read: {error}"
        return "" if agreed else f"the policy wants two persons for this; another one says first: {how}"

    def say(self, text: str) -> None:
        click.echo(one_line(text), err=self.as_json)

    def warn(self, text: str) -> None:
        click.echo(one_line(text), err=True)

    def looked(self) -> Standing:
        """Where it is sold. Ends the command where that cannot be read: then nothing is sent either."""
        standing = self.removal.look()
        if standing.territories is None:
            self.end("unread", standing, f"nothing was sent; {standing.words}", 1)
        return standing

    def end(
        self, result: str, found: Standing, text: str, code: int, problems: tuple[str, ...] = ()
    ) -> NoReturn:
        """Tell how it ended, and exit."""
        if self.as_json:
            told = self._document(result, found, text, problems)
            click.echo(json.dumps(told, indent=2))
        else:
            click.echo(one_line(f"{self.app}: {text}"), err=code != 0)
        sys.exit(code)

    def _document(self, result: str, found: Standing, text: str, problems: tuple[str, ...]) -> dict[str, Any]:
        return {
            "app": self.app,
            "app_id": self.listing.app_id,
            "bundle_id": self.listing.bundle_id,
            "name": self.store_name,
            "result": result,
            "territories": found.total,
            "off": found.off,
            "going": found.going,
            "on_sale": sorted(territory.code for territory in found.on_sale),
            "problems": list(problems),
            "journal": self.untraced,
            "answer": one_line(text),
        }


def _open(config: Path, app: str, *, as_json: bool) -> _Case:
    """Raises WrongConfiguration, click.UsageError; EdgeError and ClickException where it may be the wrong app."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.model import Actor, ActorKind, Via  # noqa: PLC0415
    from stagedrollout.core.people import People  # noqa: PLC0415
    from stagedrollout.core.policy import TwoPersons  # noqa: PLC0415
    from stagedrollout.daemon.removal import Trace, open_removal  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    settings = _on_the_app_store(loaded, app)
    removal, listing = open_removal(loaded, settings)
    name = removal.name()
    if name.bundle_id != listing.bundle_id:
        raise click.ClickException(
            f"Apple ID {listing.app_id} is {name.bundle_id or 'an app without a bundle id'} in App Store Connect, and "
            f"the configuration says {listing.bundle_id}: nothing was sent"
        )
    people = People(loaded.settings.people)
    person = people.find(acting_user(), Via.CLI)
    actor = Actor(ActorKind.HUMAN, person.name if person else acting_user())
    trace = Trace(loaded.settings.database, app, actor)
    by_two = TwoPersons.REMOVE_FROM_SALE in loaded.policies[settings.policy].two_persons
    return _Case(app, listing, name.name or "without a name", removal, trace, as_json, people, by_two)


def _on_the_app_store(loaded: Loaded, app: str) -> Any:
    from stagedrollout.core.model import Store  # noqa: PLC0415

    if Store.APP_STORE not in stores_meant(loaded, app, ""):
        raise click.UsageError(
            f"{app} is not on the App Store, and only there an app can be taken off sale from here"
        )
    return loaded.settings.app(app)


def _consents(app: str, consent: str) -> bool:
    """Whether the person means this app: by the option, or by typing its name."""
    if consent:
        return consent == app
    if not _somebody_is_here():
        raise click.UsageError(f"nobody is here to type the app's name: say --yes-remove {app}")
    typed = click.prompt(
        f"Type the app's name ({app}) to take it off sale", default="", show_default=False, err=True
    )
    return bool(typed == app)


def _somebody_is_here() -> bool:
    return sys.stdin.isatty()


def _carried_out(case: _Case, before: Standing, reason: str, within: float) -> Removed:
    """With its trace before and after; a bar on a terminal while it takes its minutes."""
    _traced(case, case.trace.ordered(reason, datetime.now(UTC)))
    try:
        with _bar(len(before.on_sale)) as sent:
            removed = case.removal.carry_out(before, within, sent, case.warn)
    except KeyboardInterrupt:
        removed = case.removal.looked_after("interrupted at the keyboard")
    _traced(case, case.trace.told(removed, datetime.now(UTC)))
    return removed


def _traced(case: _Case, problem: str) -> None:
    if problem:
        case.untraced.append(problem)
        case.warn(problem)


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """What to call after each territory."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=total, label="Taking it off sale", file=sys.stderr) as bar:
        yield lambda: bar.update(1)
