"""The command tree. A command's module is imported when it is run, and what is heavy only inside it.

Exit codes:
  0  done
  1  refused, failed, or the answer is "no"
  2  wrong usage or wrong configuration; nothing was started
  3  NOT HALTED: the store does not show the halt
  4  no daemon: none took the order, or `status --wait` would wait for ever
  5  the time given with `status --wait --timeout` was over
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from stagedrollout import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": ("stagedrollout.cli.init", "Write a first configuration and policy, by a few questions."),
    "run": ("stagedrollout.cli.run", "Run the daemon."),
    "demo": ("stagedrollout.cli.demo", "Watch a staged rollout against emulated stores."),
    "emulate": ("stagedrollout.cli.emulate", "Serve emulated stores and services on loopback."),
    "check": ("stagedrollout.cli.check", "Validate configuration, policies and secrets, offline."),
    "schema": (
        "stagedrollout.cli.schema",
        "Print the JSON Schemas of configuration and policy, for editors.",
    ),
    "doctor": (
        "stagedrollout.cli.doctor",
        "Tell whether stores, signals and channels can be used as configured.",
    ),
    "policy": ("stagedrollout.cli.policy", "Look at policies: what they would do, in words."),
    "signals": ("stagedrollout.cli.signals", "Show the team's own signals, and the gates on them."),
    "status": ("stagedrollout.cli.status", "Show where every rollout stands."),
    "why-not": ("stagedrollout.cli.why_not", "Tell why a rollout did not go on, now or at 09:00."),
    "explain": ("stagedrollout.cli.explain", "Tell why a rollout is where it is, and what it waits for."),
    "calendar": ("stagedrollout.cli.calendar", "Show the coming two weeks: which stage may come when."),
    "health": ("stagedrollout.cli.health", "Tell whether the daemon is well, also by its exit code."),
    "metrics": (
        "stagedrollout.cli.metrics",
        "List the metrics of /metrics; print alert rules and a dashboard.",
    ),
    "notify": ("stagedrollout.cli.notify", "Try out whether notices reach people."),
    "history": ("stagedrollout.cli.history", "Tell what happened, from the journal."),
    "db": ("stagedrollout.cli.db", "Look after the database: check, upgrade, backup, restore."),
    "report": ("stagedrollout.cli.report", "Tell how the newest releases went, for tuning policies."),
    "completion": ("stagedrollout.cli.completion", "Print the script for completions in bash, zsh or fish."),
    "export": ("stagedrollout.cli.export_ledger", "Write out what the database keeps, for other programs."),
    "start": ("stagedrollout.cli.orders", "Let the schedule steer a release from here."),
    "hold": ("stagedrollout.cli.orders", "Raise nothing until somebody resumes it, or for a time."),
    "resume": ("stagedrollout.cli.orders", "Lift a hold, or undo a halt."),
    "halt": ("stagedrollout.cli.halting", "Stop a release now, and follow until the store shows it."),
    "freeze": ("stagedrollout.cli.freezing", "Stop the line: raise nothing of any app, until it is thawed."),
    "thaw": ("stagedrollout.cli.freezing", "Let a stopped line go on."),
    "remove-from-sale": (
        "stagedrollout.cli.removing",
        "Take an iOS app off sale everywhere, by typed consent.",
    ),
    "advance": ("stagedrollout.cli.orders", "Go to the next stage without waiting."),
    "complete": ("stagedrollout.cli.orders", "Go to 100 %."),
    "approve": ("stagedrollout.cli.orders", "Allow the next step, where a stage asks for approvals."),
    "reject": ("stagedrollout.cli.orders", "Say no to the next step, and hold the release."),
    "skip-bake": ("stagedrollout.cli.orders", "Do not wait for the rest of the bake at this stage."),
    "set-policy": ("stagedrollout.cli.orders", "Steer a release by another policy from here."),
    "ignore": ("stagedrollout.cli.orders", "Look after a release no more."),
}
"""Every command, its module, and its line in the help, so that help needs no module at all."""


COMPLETE_VARIABLE = "_STAGEDROLLOUT_COMPLETE"
"""What a shell sets when it asks for completions; click's own name for it."""

OURS_ONLY = 0o077
"""The umask of every command: pictures, exports, reports and whatever else it writes is for its user alone."""


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: a TAB is no reason to import every command."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        told = [CompletionItem(n, help=line) for n, (_, line) in COMMANDS.items() if n.startswith(incomplete)]
        return [*told, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stagedrollout")
def cli() -> None:
    """Staged releases on Google Play and the App Store, raised on a policy's schedule and halted in time.

    \b
    Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration;
    3 NOT HALTED; 4 no daemon took the order; 5 the time to wait was over.
    """


def main() -> None:
    """The entry point: our own errors are told in words, everything else shows where it broke."""
    from stagedrollout.cli.logs import last_words_redacted  # noqa: PLC0415
    from stagedrollout.core.errors import StagedRolloutError, WrongConfiguration  # noqa: PLC0415
    from stagedrollout.http.held import HELD  # noqa: PLC0415

    os.umask(OURS_ONLY)
    last_words_redacted()
    try:
        cli(prog_name="stagedrollout")
    except WrongConfiguration as error:
        click.echo(HELD.redactor.known(str(error)), err=True)
        sys.exit(2)
    except StagedRolloutError as error:
        click.echo(f"stagedrollout: {HELD.redactor.known(str(error))}", err=True)
        sys.exit(1)
