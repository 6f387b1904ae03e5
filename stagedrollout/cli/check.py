"""`check`: what `run` would refuse, said beforehand and all at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from stagedrollout.cli.options import config_option, json_option


@click.command(help="Validate configuration, policies and secrets. Touches no network.")
@config_option
@json_option
def check(config: Path, *, as_json: bool) -> None:
    """Exit code 2 if there is any problem."""
    from stagedrollout.config.load import check as problems_of  # noqa: PLC0415

    problems = problems_of(config, environ=os.environ)
    if as_json:
        import json  # noqa: PLC0415

        from stagedrollout.core.codec import encode  # noqa: PLC0415

        click.echo(json.dumps({"ok": not problems, "problems": [encode(p) for p in problems]}, indent=2))
    elif problems:
        for problem in problems:
            click.echo(str(problem), err=True)
    else:
        click.echo(f"{config}: all is well")
    sys.exit(2 if problems else 0)
