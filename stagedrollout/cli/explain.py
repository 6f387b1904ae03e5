"""`explain`: why a rollout is where it is, and what it waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.in_force import policies_in_force
from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.core.policy import Policy
    from stagedrollout.explaining.finding import Kept

    Found = tuple[Kept, Policy | None, Policy | None]


@click.command(
    help="Tell why a rollout is where it is, what it waits for, and what happens next. Reads the database,"
    " and the iCalendars that the policy names; works without the daemon."
)
@app_argument()
@store_option("google_play or app_store. Default: every store the app is on.")
@release_option("Version or build. Default: the newest rollout that is not over.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw how it came to that into this file, .png or .svg.",
)
@config_option
@json_option
def explain(app: str, plot: Path | None, config: Path, *, as_json: bool, **named: str) -> None:
    found = _found(config, app, **named)
    if plot:
        _draw(found, plot)
    documents = [_document(*each) for each in found]
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.pulled import read_pulled, warn_of_pulled  # noqa: PLC0415
    from stagedrollout.cli.status import opened  # noqa: PLC0415

    told, pulled = freshness(opened(config)), read_pulled(config)
    if as_json:
        click.echo(json.dumps({**told, **pulled, "rollouts": documents}, indent=2))
        return
    from stagedrollout.cli.explain_text import show  # noqa: PLC0415

    show(documents)
    warn(told)
    warn_of_pulled(pulled)


def _found(config: Path, app: str, store: str, release: str) -> list[Found]:
    """What is kept of each rollout that is meant, with its policy and the app's own. Raises click.ClickException, StorageError."""
    from stagedrollout.cli.meant import kept_of, meant  # noqa: PLC0415

    asked = meant(config, app, store)
    found = kept_of(asked, release)
    policies = policies_in_force(asked.loaded, found[0].now) if asked.loaded else {}
    own = policies.get(asked.own_policy)
    return [(kept, policies.get(kept.rollout.policy), own) for kept in found]


def _document(kept: Kept, policy: Policy | None, own: Policy | None) -> dict[str, Any]:
    from stagedrollout.explaining.document import document  # noqa: PLC0415

    return document(kept, policy, own)


def _draw(found: list[Found], path: Path) -> None:
    if len(found) > 1:
        stores = ", ".join(kept.key.store.value for kept, *_ in found)
        raise click.UsageError(f"a picture shows one rollout, and there are some on {stores}: say --store")
    from stagedrollout.explaining.picture import draw  # noqa: PLC0415
    from stagedrollout.explaining.timeline import timeline  # noqa: PLC0415

    draw(timeline(found[0][0]), path)
