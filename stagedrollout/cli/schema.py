"""`schema`: the JSON Schema of a file that people write, for editors that complete and check while one types."""

from __future__ import annotations

import click

NAMES = ("config", "policy")


@click.command(
    help="Print the JSON Schema of the configuration or of a policy, for editors. `check` knows more: what only several "
    "values tell together, and whether names and secrets are there."
)
@click.argument("file", type=click.Choice(NAMES))
def schema(file: str) -> None:
    from stagedrollout.config.schema import schema_text  # noqa: PLC0415 - it reads every settings module

    click.echo(schema_text(file), nl=False)
