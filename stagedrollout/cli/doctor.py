"""`doctor`: whether the configured access works, asked with the real credentials and told in plain sentences.

Exit code 0: nothing is wrong (warnings and notes allowed); 1: a problem, or something that could not be looked at;
2: the configuration cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import apps
from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.doctor.finding import Finding
    from stagedrollout.doctor.rounds import Told

WORDS = {"ok": "ok", "note": "note", "warning": "warning", "problem": "PROBLEM", "unknown": "UNKNOWN"}
COLOURS = {"ok": "green", "note": "bright_black", "warning": "yellow", "problem": "red", "unknown": "magenta"}
WIDTH = max(map(len, WORDS.values()))


@click.command(
    help="Tell whether every store, signal and channel can be used as configured. Asks with the real credentials, "
    "changes nothing. Exit code: 0 nothing is wrong, 1 a problem, 2 wrong configuration."
)
@click.option("--app", "name", default="", metavar="NAME", shell_complete=apps, help="This app only.")
@click.option(
    "--probe-edit",
    "probing",
    is_flag=True,
    help="On Google Play, also write into an edit that is validated and thrown away: shows whether the account may "
    "release. Refused while the daemon's intent is open.",
)
@config_option
@json_option
def doctor(name: str, config: Path, *, probing: bool, as_json: bool) -> None:
    """Raises WrongConfiguration."""
    from stagedrollout.config.load import load, load_with_secrets  # noqa: PLC0415
    from stagedrollout.doctor.finding import exit_code  # noqa: PLC0415
    from stagedrollout.doctor.opening import Doctor  # noqa: PLC0415

    if name:
        _known(load(config, environ=os.environ), name)  # whoever mistyped it need not mend a secret first
    loaded = load_with_secrets(config, environ=os.environ)
    with _progress() as told:
        found = Doctor(loaded, app=name, probing=probing).examine(told)
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)
    sys.stdout.flush()
    sys.exit(exit_code(found))


def _known(loaded: Loaded, name: str) -> None:
    from stagedrollout.cli.naming import check_among  # noqa: PLC0415

    check_among("app", name, [app.name for app in loaded.settings.apps])


@contextmanager
def _progress() -> Iterator[Told]:
    """What is still waited for, on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True).status("asking …") as status:
        yield lambda waiting: status.update(Text(f"waiting for {waiting}" if waiting else "done"))


def _document(found: tuple[Finding, ...]) -> dict[str, Any]:
    from stagedrollout.core.codec import encode  # noqa: PLC0415

    counts = {word: sum(finding.state == word for finding in found) for word in WORDS}
    ok = not any(finding.state.ill for finding in found)
    return {"ok": ok, "counts": counts, "findings": [encode(finding) for finding in found]}


def _print(found: tuple[Finding, ...]) -> None:
    """By subject, in the order in which they come first."""
    order = list(dict.fromkeys(finding.subject for finding in found))
    for subject, findings in groupby(
        sorted(found, key=lambda one: order.index(one.subject)), key=lambda one: one.subject
    ):
        click.echo(click.style(subject, bold=True))
        for finding in findings:
            word = click.style(f"{WORDS[finding.state]:<{WIDTH}}", fg=COLOURS[finding.state])
            click.echo(f"  {word}  {finding.about}: {finding.said}")
            if finding.right:
                click.echo(f"  {'':<{WIDTH}}  -> {finding.right}")
    click.echo(_summary(found))


def _summary(found: tuple[Finding, ...]) -> str:
    counts = [
        f"{count} {word if count == 1 else plural}"
        for state, word, plural in (
            ("problem", "problem", "problems"),
            ("unknown", "unknown", "unknown"),
            ("warning", "warning", "warnings"),
        )
        if (count := sum(finding.state == state for finding in found))
    ]
    return ", ".join(counts) if counts else "nothing is wrong"
