"""What the commands that play seeded worlds share: where a regression begins, and a bar while they play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stagedrollout.core.policy import Policy
    from stagedrollout.rehearsal.many import Progress


def onset_of(policy: Policy, percent: float | None) -> int:
    """The exposure in ppm at which the regression begins; 0: from the start. Raises click.UsageError."""
    if percent is None:
        return 0
    for stage in policy.stages:
        if stage.percent == Decimal(str(percent)):
            return stage.exposure_ppm
    known = ", ".join(f"{stage.percent:f}" for stage in policy.stages)
    raise click.UsageError(f"--onset-stage {percent:g}: the stages of {policy.name} are {known}")


@contextmanager
def progress(doing: str, total: int) -> Iterator[Progress]:
    """A bar on stderr where that is a terminal; nothing elsewhere."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda played: bar.advance(task, played)
