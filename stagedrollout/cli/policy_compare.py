"""`policy compare`: policies beside the rules others use, in the same seeded worlds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import policies
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.policy_evaluate import CrashFree, Finite
from stagedrollout.cli.rehearsing import onset_of, progress

if TYPE_CHECKING:
    from stagedrollout.core.policy import Policy
    from stagedrollout.rehearsal.compare import Compared
    from stagedrollout.rehearsal.world import World

_DAILY_MAX = 10**9
_PLOTS = (".png", ".svg", ".pdf")

HELP = """Compare policies with the rules that others use: how often each halts a healthy release, and how many people meet
a regression before it is halted.

All are tried in the same seeded worlds: the policies through the daemon's own decisions, and models of published rules
(a static floor, bad hours in a row, bad hours in all, a ratio to the previous version, a z-test at each poll), which
raise by the clock of the first policy, so that only what halts them differs. A POLICY is a policy's name or a file.
"""


@click.command(help=HELP)
@click.argument("names", metavar="POLICY...", nargs=-1, required=True, shell_complete=policies)
@click.option(
    "--daily-users",
    type=click.IntRange(1, _DAILY_MAX),
    default=100_000,
    show_default=True,
    help="Of the app, on this store.",
)
@click.option(
    "--crash-free",
    type=CrashFree(),
    default=99.6,
    show_default=True,
    metavar="PERCENT",
    help="Percent of the sessions today.",
)
@click.option(
    "--regression",
    type=Finite(min=1, max=1000),
    default=2.0,
    show_default=True,
    metavar="TIMES",
    help="So many times the crashes.",
)
@click.option(
    "--onset-stage",
    type=Finite(min=0, max=100),
    metavar="PERCENT",
    help="Only from this stage of the first policy on.  [default: from the start]",
)
@click.option(
    "--loops",
    type=Finite(min=1, max=100),
    default=2.0,
    show_default=True,
    metavar="LOOPS",
    help="Crashed sessions per crashed user.",
)
@click.option(
    "--floor",
    type=CrashFree(),
    default=99.5,
    show_default=True,
    metavar="PERCENT",
    help="The floor of the models that have one, in crash-free sessions.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1_000_000),
    default=300,
    show_default=True,
    help="How many worlds of each kind.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes for the policies.  [default: one for each core]"
)
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture (PNG, SVG, PDF)."
)
@config_option
@json_option
def compare(names: tuple[str, ...], config: Path, plot: Path | None, *, as_json: bool, **asked: Any) -> None:
    """Raises click.UsageError, WrongConfiguration; MissingExtra without numpy, or matplotlib for a picture."""
    from stagedrollout.cli.policy import chosen  # noqa: PLC0415
    from stagedrollout.rehearsal.extra import need  # noqa: PLC0415

    need("numpy", *(["matplotlib"] if plot else []))
    if plot is not None and plot.suffix.lower() not in _PLOTS:
        raise click.UsageError(f"--plot {plot}: a picture ends in {', '.join(_PLOTS)}")
    policies = [chosen(name, config) for name in dict.fromkeys(names)]
    found = _compared(policies, _world(policies[0], asked), asked)
    if plot is not None:
        _draw(found, plot)
    _tell(found, as_json=as_json)


def _compared(policies: Sequence[Policy], world: World, asked: dict[str, Any]) -> Compared:
    from stagedrollout.rehearsal import compare as rehearsal  # noqa: PLC0415
    from stagedrollout.rehearsal.many import CHUNK, cores, players  # noqa: PLC0415
    from stagedrollout.rehearsal.rules_of_others import rules  # noqa: PLC0415

    seeds: int = asked["seeds"]
    workers = min(asked["workers"] or cores(), -(-seeds // CHUNK))
    total = rehearsal.rollouts(len(policies), seeds)
    with players(workers) as play_all, progress("comparing", total) as played:
        try:
            return rehearsal.compare(
                policies, rules(asked["floor"]), world, seeds, play_all=play_all, progress=played
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None


def _world(first: Policy, asked: dict[str, Any]) -> World:
    """The world that was asked for. Raises click.UsageError where the first policy has no such stage."""
    from stagedrollout.rehearsal.clock import clock  # noqa: PLC0415
    from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World  # noqa: PLC0415

    schedule = clock(first)
    return World(
        daily_users=asked["daily_users"],
        crash_rate=float(1 - Decimal(str(asked["crash_free"])) / 100),
        regression=asked["regression"],
        onset_ppm=onset_of(first, asked["onset_stage"]),
        loops=asked["loops"],
        incident_within=(schedule.completes or schedule.watched) // POLLS_PER_HOUR,
    )


def _tell(found: Compared, *, as_json: bool) -> None:
    from stagedrollout.rehearsal.compare_figures import document  # noqa: PLC0415

    if as_json:
        click.echo(json.dumps(document(found), indent=2, allow_nan=False))
        return
    from stagedrollout.cli.policy_compared import show  # noqa: PLC0415

    show(found)


def _draw(found: Compared, plot: Path) -> None:
    from stagedrollout.rehearsal.compare_plot import draw  # noqa: PLC0415

    try:
        draw(found, plot)
    except OSError as error:
        raise click.UsageError(f"--plot {plot}: {error.strerror}") from None
    click.echo(f"picture: {plot}", err=True)
