"""`why-not`: why a rollout did not go on, now or at an instant."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.instants import instant_typed
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.wrapping import wrapped
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percent_text

if TYPE_CHECKING:
    from stagedrollout.cli.meant import Meant
    from stagedrollout.core.model import StoreApp
    from stagedrollout.explaining.finding import Kept
    from stagedrollout.explaining.why_not import Looks
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.presence import PassRow

REFUSED_MAX = 5
"""So many refused orders are shown, the newest."""


@click.command(
    "why-not",
    help="Tell why a rollout does not go on, or did not at an instant: what kept it, since when and until when."
    " Reads the journal; works without the daemon.",
)
@app_argument()
@click.option(
    "--at",
    "at",
    default="",
    metavar="TIME",
    help="An instant, like 09:00 (the last one, in the time zone of the app's calendar) or 2026-03-03T09:00+01:00."
    " Default: now.",
)
@store_option("google_play or app_store. Default: every store the app is on.")
@release_option("Version or build. Default: the rollout that was going on.")
@config_option
@json_option
def why_not(app: str, config: Path, *, as_json: bool, **asked: str) -> None:
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.meant import meant, nobody  # noqa: PLC0415
    from stagedrollout.cli.pulled import read_pulled, warn_of_pulled  # noqa: PLC0415

    found = meant(config, app, asked["store"])
    told = freshness(found.engine)
    question = _Question(found, asked["at"], asked["release"], datetime.fromisoformat(told["now"]))
    documents = [document for each in found.apps if (document := question.answered(each))]
    if not documents:
        raise nobody(found, asked["release"])
    pulled = read_pulled(config)
    if as_json:
        click.echo(json.dumps({**told, **pulled, "rollouts": documents}, indent=2))
        return
    for number, document in enumerate(documents):
        if number:
            click.echo()
        _say(document)
    warn(told)
    warn_of_pulled(pulled)


@dataclass(frozen=True, slots=True)
class _Question:
    """`at` as it was typed, "" for now; `now` by the daemon's clock."""

    meant: Meant
    at: str
    release: str
    now: datetime

    def answered(self, app: StoreApp) -> dict[str, Any] | None:
        """None where the store has no such rollout."""
        from stagedrollout.explaining.finding import find, find_at  # noqa: PLC0415

        asked, engine = self._instant(self._zone(self.meant.own_policy)), self.meant.engine
        then = bool(self.at) and not self.release
        kept = find_at(engine, app, asked) if then else find(engine, app, self.release)
        return self._document(kept) if kept else None

    def _document(self, kept: Kept) -> dict[str, Any]:
        from stagedrollout.explaining.why_not import Looks, why_not  # noqa: PLC0415
        from stagedrollout.storage.glances import reads_around  # noqa: PLC0415

        zone = self._zone(kept.rollout.policy)
        asked, newest = self._instant(zone), _newest_pass(self.meant.engine, kept)
        looks = Looks(*reads_around(self.meant.engine, kept.key, asked))
        looks = _with(looks, newest.finished_at if newest else None, asked)
        return {
            **why_not(kept, asked, looks),
            "time_zone": str(zone),
            "asked_local": asked.astimezone(zone).isoformat(),
            "asked_now": not self.at,
            "next_look": kept.next_look.isoformat() if kept.next_look and not self.at else None,
            "problem": newest.problem if newest and not self.at else "",
        }

    def _instant(self, zone: tzinfo) -> datetime:
        return instant_typed(self.at, self.now, zone, "--at") if self.at else self.now

    def _zone(self, policy: str) -> tzinfo:
        """The time zone of the calendar that the policy brings along; UTC without one."""
        found = self.meant.policies.get(policy)
        return found.calendar.zone if found else UTC


def _newest_pass(engine: Engine, kept: Kept) -> PassRow | None:
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    return next((row for row in Presence(engine).passes() if row.store_app == kept.key.store_app), None)


def _with(looks: Looks, passed: datetime | None, asked: datetime) -> Looks:
    """The newest pass is a sign as well; older ones leave none where nothing was new."""
    if passed is None:
        return looks
    if passed <= asked:
        return replace(looks, before=max(passed, looks.before or passed))
    return replace(looks, after=min(passed, looks.after or passed))


def _say(document: dict[str, Any]) -> None:
    asked = datetime.fromisoformat(document["asked_local"])
    when = "Now" if document["asked_now"] else f"On {asked:%Y-%m-%d} at {asked:%H:%M} {document['time_zone']}"
    utc = (
        "" if document["time_zone"] == "UTC" or document["asked_now"] else f" ({_utc(document['asked_at'])})"
    )
    at = percent_text(document["exposure_ppm"])
    _line(f"{when}{utc}, {document['title']} at {at}: {document['said']}.", bold=True)
    for reason in document["reasons"]:
        _line(f"  {_until(reason)}: {reason['text']}")
        if reason["newest_text"] != reason["text"]:
            _line(f"    at last: {reason['newest_text']}")
    for order in document["refused"][-REFUSED_MAX:]:
        _line(
            f"  refused {_utc(order['at'])}: {order['verb']} by {order['by']} ({order['reason']}): {order['text']}"
        )
    if len(document["refused"]) > REFUSED_MAX:
        _line(
            f"  and {len(document['refused']) - REFUSED_MAX} orders more that were refused before: --json has them"
        )
    if document["next"]:
        _line(f"Then, {_utc(document['next']['at'])}: {document['next']['said']}")
    elif document["decision"]:
        _line("Nothing else was decided since.")
    if document["problem"]:
        _line(f"The newest pass had trouble: {document['problem']}")
    if document["next_look"]:
        _line(f"The next look is due {_utc(document['next_look'])}.")
    _line(_signs(document), dim=True)


def _until(reason: dict[str, Any]) -> str:
    until = f"until {_utc(reason['until'])}" if reason["until"] else "and still so"
    return f"since {_utc(reason['since'])}, {until}"


def _signs(document: dict[str, Any]) -> str:
    """Whether anybody looked then, as far as that is recorded."""
    before, after = document["looked_before"], document["looked_after"]
    until = _utc(after) if after else "now"
    if before is None:
        return "Nothing is recorded before that instant."
    if document["nothing_recorded"]:
        return (
            f"Nothing is recorded between {_utc(before)} and {until}: whether a daemon looked then is not known;"
            " this was the decision in force."
        )
    later = f", and next {_utc(after)}" if after else ""
    return f"The daemon's last look on record before that was {_utc(before)}{later}."


def _utc(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _line(words: str, *, bold: bool = False, dim: bool = False) -> None:
    """On a terminal broken between words, further in where it goes on; whole where it goes elsewhere."""
    indent = words[: len(words) - len(words.lstrip())]
    text = indent + one_line(words)
    for part in wrapped(text, len(indent) + 2 if indent else 0):
        click.secho(part, bold=bold, dim=dim)
