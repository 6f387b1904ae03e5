"""`notify test`: whether a message reaches people, tried out before it matters.

Needs neither the daemon nor its database, and of the secrets only Slack's. Exit code 0: every message arrived;
1: one did not, or there is no Slack to send it to; 2: the configuration is wrong.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.daemon.channels import SlackChannels
    from stagedrollout.notify.trial import Trial

TO_THE_LOG = "there is no slack section: notices go to the daemon's log, and to nobody else"
NO_FALLBACK = "there is no fallback channel: urgent notices that Slack does not take go to the daemon's log"
ADD_SLACK = "add a section `slack:` with token and channel"
ADD_FALLBACK = "add `fallback_channel:` to the section `slack:`"


@click.group(help="Try out whether notices reach people.")
def notify() -> None:
    pass


@notify.command("test", help="Send one marked test message through Slack, now and without the daemon.")
@config_option
@click.option("--fallback", is_flag=True, help="Send one to the fallback channel too.")
@json_option
def send_test(config: Path, *, fallback: bool, as_json: bool) -> None:
    """Says where the message is, or what Slack said and what would be right."""
    results = _results(config, fallback=fallback)
    if as_json:
        click.echo(json.dumps({"ok": _all_well(results), "messages": results}, indent=2))
    else:
        for result in results:
            _print(result)
    sys.exit(0 if _all_well(results) else 1)


def _all_well(results: list[dict[str, Any]]) -> bool:
    return all(result["ok"] for result in results)


def _results(config: Path, *, fallback: bool) -> list[dict[str, Any]]:
    """Raises WrongConfiguration."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.daemon.channels import slack_channels  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    access = loaded.settings.slack
    if access is None:
        return [_unsent("channel", TO_THE_LOG, ADD_SLACK)]
    return _tried(slack_channels(loaded, access), fallback=fallback)


def _tried(channels: SlackChannels, *, fallback: bool) -> list[dict[str, Any]]:
    from stagedrollout import __version__  # noqa: PLC0415
    from stagedrollout.notify.trial import try_out  # noqa: PLC0415

    key = f"test/{uuid.uuid4()}"
    results = [_result("channel", try_out(channels.main, key=key, version=__version__))]
    if fallback and channels.fallback is None:
        results.append(_unsent("fallback", NO_FALLBACK, ADD_FALLBACK))
    elif fallback and channels.fallback:
        second = try_out(channels.fallback, key=f"{key}/fallback", version=__version__)
        results.append(_result("fallback", second))
    return results


def _result(role: str, trial: Trial) -> dict[str, Any]:
    told = {"channel": trial.channel, "ts": trial.ts, "problem": trial.problem, "right": trial.right}
    return {"role": role, "ok": trial.ok, **told}


def _unsent(role: str, problem: str, right: str) -> dict[str, Any]:
    return {"role": role, "ok": False, "channel": "", "ts": "", "problem": problem, "right": right}


def _print(result: dict[str, Any]) -> None:
    where = f"{result['role']} {result['channel']}".strip()
    if result["ok"]:
        click.echo(f"{where}: the test message is there (ts {result['ts']})")
    else:
        click.echo(f"{where}: {result['problem']}; {result['right']}", err=True)
