"""`metrics`: what /metrics has, and the files that a monitoring needs to make use of it."""

from __future__ import annotations

import click


@click.command(
    help="List the metrics that the daemon answers with at /metrics, or print what watches them: alert rules for "
    "Prometheus, a dashboard for Grafana. Needs neither daemon nor configuration."
)
@click.option(
    "--alerts", "file", flag_value="alerts.yaml", help="Print the alert rules, for Prometheus' rule_files."
)
@click.option(
    "--dashboard", "file", flag_value="dashboard.json", help="Print the dashboard, to import in Grafana."
)
def metrics(file: str | None) -> None:
    from stagedrollout.daemon.watched.table import TABLE, shipped  # noqa: PLC0415

    if file:
        click.echo(shipped(file), nl=False)
        return
    for row in TABLE:
        labels = f"{{{', '.join(row.labels)}}}" if row.labels else ""
        click.echo(f"{row.name}{labels}  ({row.kind})\n    {row.help}")
