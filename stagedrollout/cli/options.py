"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=Path("stagedrollout.yaml"),
    envvar="STAGEDROLLOUT_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

scenario_option = click.option(
    "--scenario", default="tour", show_default=True, help="A shipped scenario's name, or a file."
)

seed_option = click.option(
    "--seed", type=int, default=None, help="Another course of chance than the scenario's own."
)
