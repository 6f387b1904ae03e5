"""`signals`: the team's own signals of every app, what each declares, and which gates are on it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.declared import Declaration
    from stagedrollout.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Row:
    """`brings`: counts or a value. `gates`: by policy, in words."""

    app: str
    store: str
    signal: str
    source: str
    brings: str
    unit: str
    better: str
    lag_seconds: int
    can_halt: bool
    no_data: str
    gates: dict[str, str]


@click.command(
    help="Show the team's own signals: what each declares (unit, lag, whether it can halt, what no data look like),"
    " and which gates are on it. Opens their packages and reads their secrets, as `run` does; asks no service."
)
@config_option
@json_option
def signals(config: Path, *, as_json: bool) -> None:
    """Raises WrongConfiguration."""
    from stagedrollout.config.load import load_with_secrets  # noqa: PLC0415

    rows = list(_rows(load_with_secrets(config, environ=os.environ)))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    if not rows:
        click.echo(
            "no app has signals of its own; they are written under google_play.signals or app_store.signals"
        )
    for row in rows:
        click.echo("\n".join(_words(row)))


def _rows(loaded: Loaded) -> Iterator[Row]:
    from stagedrollout.core.model import Store  # noqa: PLC0415
    from stagedrollout.daemon.doors import Doors  # noqa: PLC0415
    from stagedrollout.daemon.signal_sources import Sources  # noqa: PLC0415

    sources = Sources(loaded, Doors())
    for app in loaded.settings.apps:
        listings = ((Store.GOOGLE_PLAY, app.google_play), (Store.APP_STORE, app.app_store))
        for store, listing in listings:
            written = listing.signals if listing else ()
            own = sources.of(app.name, store, written)
            found = {each.name: (each.declared, "counts") for each in own.counts}
            found |= {each.name: (each.declared, "a value") for each in own.values}
            for each in written:
                declared, brings = found[each.name]
                gates = {
                    policy.name: words
                    for policy in loaded.policies.values()
                    if (words := _gate(policy, each.name))
                }
                yield _row(app.name, store.value, (each.name, each.source, brings), declared, gates)


def _row(
    app: str, store: str, told: tuple[str, str, str], declared: Declaration, gates: dict[str, str]
) -> Row:
    signal, source, brings = told
    return Row(
        app=app,
        store=store,
        signal=signal,
        source=source,
        brings=brings,
        unit=declared.unit,
        better=declared.better.value,
        lag_seconds=int(declared.lag.total_seconds()),
        can_halt=declared.can_halt,
        no_data=declared.no_data,
        gates=gates,
    )


def _gate(policy: Policy, name: str) -> str:
    """The policy's gate on the signal; "" where it has none."""
    return next((gate.told for gate in policy.signals if gate.signal == name), "")


def _words(row: Row) -> list[str]:
    from datetime import timedelta  # noqa: PLC0415

    from stagedrollout.core.plain import one_line  # noqa: PLC0415
    from stagedrollout.core.units import duration_text  # noqa: PLC0415

    halts = "can halt" if row.can_halt else "holds, never halts"
    of = (
        f"counts of {row.unit}"
        if row.brings == "counts"
        else f"a value in {row.unit}, {row.better} is better"
    )
    late = f"up to {duration_text(timedelta(seconds=row.lag_seconds))} late" if row.lag_seconds else "at once"
    gates = [f"  gate of {policy}: {words}" for policy, words in row.gates.items()]
    return [
        f"{row.app} on {row.store}: {row.signal}, from {row.source}",
        f"  {one_line(of)}; {late}; {halts}; no data: {one_line(row.no_data)}",
        *(gates or ["  no policy has a gate on it: it is never asked for"]),
    ]
