"""What the README says that the code knows better: each block by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from stagedrollout.cli import main as command_line
from stagedrollout.config.policies import read_policy
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.lifecycle import STEPS, Phase
from stagedrollout.core.gates import Gate
from stagedrollout.core.policy import Completion, Policy
from stagedrollout.core.schedule import bake_ends, window
from stagedrollout.core.units import duration_text, percent_text
from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.scenario_file import load_scenario, shipped_scenarios

WIDTH = 90
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""When the release of a plan goes live: nine o'clock on a Monday without holidays."""


def commands() -> str:
    """Every command with its help, as a person sees it."""
    group = command_line.cli
    with click.Context(group, info_name="stagedrollout", terminal_width=WIDTH) as top:
        top.help_option_names = ["-h", "--help"]
        told = [("stagedrollout", group.get_help(top))]
        for name in command_line.COMMANDS:
            command = group.get_command(top, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=top) as context:
                told.append((f"stagedrollout {name}", command.get_help(context)))
    return "\n\n".join(_folded(name, text) for name, text in told)


def _folded(name: str, text: str) -> str:
    tidy = "\n".join(line.rstrip() for line in text.splitlines())
    summary = f"<summary><code>{name} --help</code></summary>"
    return f"<details>\n{summary}\n\n```text\n{tidy}\n```\n\n</details>"


def exit_codes() -> str:
    """The table that the command line's own docstring has."""
    rows = re.findall(r"^  (\d)  (.+)$", command_line.__doc__ or "", re.MULTILINE)
    return _table(("Exit code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in rows])


def states() -> str:
    """The legal steps as a diagram; steps that lead from everywhere to one place are told in a line."""
    common = [target for target in Phase if _from_everywhere(target)]
    drawn = ["stateDiagram-v2", "    [*] --> waiting: found on the track"]
    for source, targets in STEPS.items():
        for target, words in targets.items():
            if target not in common:
                drawn.append(f"    {source.value} --> {target.value}: {_label(words)}")
    told = [
        f"Not drawn: from every other phase to `{target.value}` ({next(iter(_ways(target)))})."
        for target in common
    ]
    diagram = "\n".join(drawn)
    return f"```mermaid\n{diagram}\n```\n\n" + "\n".join(told)


def _label(words: str) -> str:
    """Without the signs that end a label in this language of diagrams."""
    return words.replace(";", ",").replace(":", ",")


def _ways(target: Phase) -> set[str]:
    return {targets[target] for targets in STEPS.values() if target in targets}


def _from_everywhere(target: Phase) -> bool:
    others = [source for source in Phase if source is not target]
    return all(target in STEPS[source] for source in others) and len(_ways(target)) == 1


def scenarios() -> str:
    stories = [load_scenario(name) for name in shipped_scenarios()]
    return _table(
        ("Scenario", "What happens", "How it must end"),
        [(f"`{story.name}`", story.story, _ending(story)) for story in stories],
    )


def _ending(story: Scenario) -> str:
    ends = []
    for row in story.expect["rollouts"]:
        words = row["phase"].replace("_", " ")
        if "exposure_ppm" in row:
            words += f" at {percent_text(row['exposure_ppm'])}"
        if "exposure_ppm_at_most" in row:
            words += f", at {percent_text(row['exposure_ppm_at_most'])} at most"
        ends.append(f"{row['release']} {words}")
    if "broadcast_halts" in story.expect:
        count = story.expect["broadcast_halts"]
        ends.append(f"{count} halt{'' if count == 1 else 's'} told to the whole channel")
    if "raises_of_ours" in story.expect:
        ends.append(f"{story.expect['raises_of_ours']} raises")
    return "; ".join(ends)


def policies() -> str:
    """The plan of each shipped policy, by the same functions that the daemon plans with."""
    files = sorted(policies_folder().glob("*.yaml"), key=lambda file: _policy(file).stages[0].exposure_ppm)
    return "\n\n".join(_plan(_policy(file)) for file in files)


def _policy(file: Path) -> Policy:
    policy, problems = read_policy(file)
    assert policy is not None, problems
    return policy


def _plan(policy: Policy) -> str:
    rows, at = [], MONDAY
    for stage, after in zip(policy.stages, [*policy.stages[1:], None], strict=True):
        stay = duration_text(stage.bake) if stage.bake else "-"
        sample = f"{stage.min_sample:,}" if stage.min_sample else "-"
        by_hand = after is None and stage.percent == 100 and policy.completion is Completion.BY_HAND
        earliest = "when a person completes it" if by_hand else f"{at:%a %H:%M}, day {(at - MONDAY).days + 1}"
        rows.append((f"{stage.percent} %", stay, sample, earliest))
        at = _next(policy, bake_ends(stage, at))
    head = ("Offered to", "Stays at least", "Sessions at least", "Earliest, if live on a Monday at 09:00 UTC")
    gates = "\n".join(f"- {_gate(gate)}" for gate in policy.gates)
    return f"**{policy.name}**: {policy.description}\n\n{_table(head, rows)}\n\n{gates}"


def _next(policy: Policy, baked: datetime) -> datetime:
    opens = window(policy.calendar, baked).opens_at
    assert opens is not None
    return opens


def _gate(gate: Gate) -> str:
    unit = "users" if gate.metric.value.endswith("users") else "sessions"
    return (
        f"{gate.metric.words} below {gate.floor} % over {duration_text(gate.window)}, "
        f"from {gate.min_sample:,} {unit} on, in {gate.confirm} polls in a row: halt"
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "exit-codes": exit_codes,
    "states": states,
    "scenarios": scenarios,
    "policies": policies,
}
