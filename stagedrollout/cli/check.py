"""`check`: what `run` would refuse, said beforehand and all at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.config.problems import Problem


@click.command(help="Validate configuration, policies and secrets. Touches no network.")
@config_option
@json_option
def check(config: Path, *, as_json: bool) -> None:
    """Exit code 2 if there is any problem."""
    from stagedrollout.config.load import check as problems_of  # noqa: PLC0415

    problems = problems_of(config, environ=os.environ) or _of_packages(config)
    notes = [] if problems else _loose_files(config)
    if as_json:
        import json  # noqa: PLC0415

        from stagedrollout.core.codec import encode  # noqa: PLC0415

        told = {"ok": not problems, "problems": [encode(p) for p in problems], "notes": notes}
        click.echo(json.dumps(told, indent=2))
    elif problems:
        for problem in problems:
            click.echo(str(problem), err=True)
    else:
        click.echo("".join(f"note: {note}\n" for note in notes), err=True, nl=False)
        click.echo(f"{config}: all is well")
    sys.exit(2 if problems else 0)


def _loose_files(config: Path) -> list[str]:
    """Files of the daemon's that others can read: it closes them itself when it starts."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.storage.private import loose  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    found = loose(loaded.settings.database, *filter(None, [loaded.heartbeat_file]))
    return [f"{each.wrong}; {each.right}" for each in found]


def _of_packages(config: Path) -> list[Problem]:
    """What is wrong with the packages that bring signals along. Nothing heavy is imported where there are none."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.config.problems import Problem  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    listings = [
        listing for app in loaded.settings.apps for listing in (app.google_play, app.app_store) if listing
    ]
    if not any(signal.plugin for listing in listings for signal in listing.signals):
        return []
    from stagedrollout.daemon.signal_sources import problems  # noqa: PLC0415

    return [Problem(str(config), 0, 0, "", wrong) for wrong in problems(loaded)]
