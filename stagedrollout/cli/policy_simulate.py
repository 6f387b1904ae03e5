"""`policy simulate`: rehearse a policy in many seeded worlds before trusting it with a release."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import policies
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.policy_evaluate import Finite
from stagedrollout.cli.rehearsing import onset_of, progress

if TYPE_CHECKING:
    from stagedrollout.core.policy import Policy
    from stagedrollout.rehearsal.world import World

_DAILY_MAX = 10**9
_PLOTS = (".png", ".svg", ".pdf")


@click.command(
    help="Rehearse a policy: play it in many seeded worlds, healthy and with a regression, through the daemon's own"
    " decisions. NAME is a policy's name or a file."
)
@click.argument("name", shell_complete=policies)
@click.option(
    "--daily-users", type=click.IntRange(1, _DAILY_MAX), required=True, help="Of the app, on this store."
)
@click.option(
    "--crash-free",
    type=Finite(0, 100),
    default=99.6,
    show_default=True,
    help="Percent of the sessions today: 50 to 99.999.",
)
@click.option(
    "--regression", type=Finite(1, 1000), default=2.0, show_default=True, help="So many times the crashes."
)
@click.option(
    "--onset-stage",
    type=Finite(0, 100),
    default=None,
    metavar="PERCENT",
    help="Only from this stage on.  [default: from the start]",
)
@click.option(
    "--loops", type=Finite(1, 100), default=2.0, show_default=True, help="Crashed sessions per crashed user."
)
@click.option(
    "--bias", type=Finite(0, 500), default=0.0, help="Percent more crashes of early adopters, for two days."
)
@click.option(
    "--noise", type=Finite(0, 100), default=0.0, help="Percent of noise of the ratio, hour by hour."
)
@click.option(
    "--incident", type=Finite(1, 100), default=1.0, help="So many times the crashes everywhere, for 3 hours."
)
@click.option(
    "--seeds", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="How many worlds."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Processes.  [default: one for each core]"
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Write a picture (PNG, SVG, PDF).",
)
@config_option
@json_option
def simulate(name: str, config: Path, plot: Path | None, *, as_json: bool, **asked: Any) -> None:
    from stagedrollout.cli.policy import chosen  # noqa: PLC0415
    from stagedrollout.rehearsal.extra import need  # noqa: PLC0415

    need("numpy", *(["matplotlib"] if plot else []))
    if plot is not None and plot.suffix.lower() not in _PLOTS:
        raise click.UsageError(f"--plot {plot}: a picture ends in {', '.join(_PLOTS)}")
    policy = chosen(name, config)
    world = _world(policy, asked)
    found = _played(policy, world, asked)
    if plot is not None:
        from stagedrollout.rehearsal.plot import draw  # noqa: PLC0415

        try:
            draw(found, plot)
        except OSError as error:
            raise click.UsageError(f"--plot {plot}: {error.strerror}") from None
    _tell(found, as_json=as_json)
    if plot is not None:
        click.echo(f"picture: {plot}", err=True)


def _played(policy: Policy, world: World, asked: dict[str, Any]) -> Any:
    from stagedrollout.rehearsal.many import CHUNK, cores, players  # noqa: PLC0415
    from stagedrollout.rehearsal.simulate import simulate as play_worlds  # noqa: PLC0415

    seeds: int = asked["seeds"]
    workers = min(asked["workers"] or cores(), -(-seeds // CHUNK))
    with players(workers) as play_all, progress("rehearsing", 2 * seeds) as played:
        try:
            return play_worlds(policy, world, seeds, play_all, played)
        except ValueError as error:
            raise click.UsageError(str(error)) from None


def _world(policy: Policy, asked: dict[str, Any]) -> World:
    """The world that was asked for. Raises click.UsageError where a number makes no sense."""
    from stagedrollout.rehearsal.clock import clock  # noqa: PLC0415
    from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World  # noqa: PLC0415

    crash_free: float = asked["crash_free"]
    if not 50 <= crash_free <= 99.999:
        raise click.UsageError("--crash-free is a percentage from 50 to 99.999, for example 99.6")
    schedule = clock(policy)
    return World(
        daily_users=asked["daily_users"],
        crash_rate=float(1 - Decimal(str(crash_free)) / 100),
        regression=asked["regression"],
        onset_ppm=onset_of(policy, asked["onset_stage"]),
        loops=asked["loops"],
        bias=asked["bias"] / 100,
        noise=asked["noise"] / 100,
        incident=asked["incident"],
        incident_within=(schedule.completes or schedule.watched) // POLLS_PER_HOUR,
    )


def _tell(found: Any, *, as_json: bool) -> None:
    from stagedrollout.rehearsal.simulate import document  # noqa: PLC0415

    told = document(found)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    from stagedrollout.cli.policy_simulated import show  # noqa: PLC0415

    show(found, told)
