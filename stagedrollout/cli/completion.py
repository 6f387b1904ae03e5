"""`completion`: the script with which a shell asks this program for names."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(
    help="Print the script that makes a shell complete commands, options, apps, stores, releases and policies."
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from stagedrollout.cli.main import COMPLETE_VARIABLE, cli  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this version of click knows no {shell}")
    click.echo(_without_a_probe(found)(cli, {}, "stagedrollout", COMPLETE_VARIABLE).source())


def _without_a_probe(shell: type) -> type:
    """click looks at the machine's own bash, which need not be the one that the script is for."""
    return type(shell.__name__, (shell,), {"_check_version": staticmethod(lambda: None)})
