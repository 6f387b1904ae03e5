"""What the README says that the code knows better: each block by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click

from stagedrollout.cli import main as command_line
from stagedrollout.cli import policy as policy_command
from stagedrollout.cli.live import SYSTEMS
from stagedrollout.config.policies import read_policy
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.lifecycle import STEPS, Phase
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import percent_text
from stagedrollout.daemon.watched.table import TABLE
from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.scenario_file import load_scenario, shipped_scenarios
from tests.docs import promises
from tests.docs.drills import DRILLS
from tests.incidents import incidents
from tests.mutation import kept
from tests.simulation import record
from tests.simulation.tally import Tally

WIDTH = 90


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
                told += _helps(command, context, f"stagedrollout {name}")
    return "\n\n".join(_folded(name, text) for name, text in told)


def _helps(command: click.Command, context: click.Context, name: str) -> list[tuple[str, str]]:
    """The help of a command, and of the commands below it."""
    told = [(name, command.get_help(context))]
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        with click.Context(below, info_name=below.name, parent=context) as deeper:
            told.append((f"{name} {below.name}", below.get_help(deeper)))
    return told


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
        ending = row["phase"].replace("_", " ")
        if "exposure_ppm" in row:
            ending += f" at {percent_text(row['exposure_ppm'])}"
        if "exposure_ppm_at_most" in row:
            ending += f", at {percent_text(row['exposure_ppm_at_most'])} at most"
        whose = f"{row['app']} " if _several(story, "app") else ""
        where = f" on {SYSTEMS[row['store']]}" if _several(story, "store") else ""
        ends.append(f"{whose}{row['release']}{where} {ending}")
    if "broadcast_halts" in story.expect:
        count = story.expect["broadcast_halts"]
        ends.append(f"{count} halt{'' if count == 1 else 's'} told to the whole channel")
    if "raises_of_ours" in story.expect:
        ends.append(f"{story.expect['raises_of_ours']} raises")
    if "pause_warnings" in story.expect:
        ends.append(f"{story.expect['pause_warnings']} warnings of the pause budget")
    return "; ".join(ends)


def _several(story: Scenario, field: str) -> bool:
    return len({row[field] for row in story.expect["rollouts"]}) > 1


def policies() -> str:
    """What `policy show` says of each shipped policy, the most careful one last."""
    files = sorted(policies_folder().glob("*.yaml"), key=lambda file: -_policy(file).stages[0].exposure_ppm)
    return "\n\n".join(f"```text\n{chr(10).join(policy_command.words(_policy(file)))}\n```" for file in files)


def _policy(file: Path) -> Policy:
    policy, problems = read_policy(file)
    assert policy is not None, problems
    return policy


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def campaign() -> str:
    """What the simulation's ledger says has been played, all lines together."""
    batches = record.read(record.LEDGER)
    if not batches:
        return "No campaign is on record yet."
    whole, last = Tally.whole(batch.tally for batch in batches), batches[-1]
    faults = sum(whole.faults.values())
    commits = ", ".join(dict.fromkeys(batch.commit for batch in batches))
    return (
        f"Campaign on record ([ledger](tests/simulation/campaign.jsonl)), until {last.date}, commits {commits}: "
        f"**{whole.seeds:,} seeds, {faults:,} faults, {whole.months:,} runs of 30 virtual days and more, "
        f"{whole.violations:,} violations**{_since_then(whole.failing)}; {whole.replayed:,} seeds were played again in "
        f"another process, with {len(whole.mismatches)} differences."
    )


def _since_then(failed: list[int]) -> str:
    """What became of the seeds that failed: they are mended one by one, and played again."""
    if not failed:
        return ""
    found = f" in {len(failed):,} seeds when they were first played"
    retrials, unmended = record.retrials(record.LEDGER), record.unmended(record.LEDGER)
    if not retrials:
        return found
    left = f"**{len(unmended):,} still fail**" + (f" ({', '.join(map(str, unmended))})" if unmended else "")
    return f"{found}, of which, played again on {retrials[-1].date} with commit {retrials[-1].commit}, {left}"


def mutants() -> str:
    """What survivors.json says of each area, and how much of it was played."""
    rows = [
        (area, f"{score.mutants:,} of {kept.every(area):,}", f"{score.percent:.1f} %")
        for area, score in kept.areas().items()
    ]
    return _table(("Area of the core", "Mutants played", "Noticed"), rows)


def incidents_elsewhere() -> str:
    rows = [
        (
            f"[{one.project}{f' #{one.number}' if one.number else ''}]({one.url})",
            one.what,
            _test_link(one.test),
        )
        for one in incidents()
    ]
    return _table(("There", "What happened", "Here"), rows)


def _test_link(test: str) -> str:
    file, name = test.split("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}]({file})"


def drills() -> str:
    rows = [
        (one.trouble, one.does, one.seen, one.then, ", ".join(_test_link(test) for test in one.tests))
        for one in DRILLS
    ]
    return _table(("What goes wrong", "What it does", "What you see", "What you do", "Played by"), rows)


def metrics() -> str:
    rows = [
        (f"`{row.name}`", row.kind, ", ".join(f"`{label}`" for label in row.labels), row.help)
        for row in TABLE
    ]
    return _table(("Metric", "Kind", "Labels", "Meaning"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "exit-codes": exit_codes,
    "states": states,
    "scenarios": scenarios,
    "policies": policies,
    "promises": promises.table,
    "campaign": campaign,
    "mutants": mutants,
    "drills": drills,
    "metrics": metrics,
    "incidents": incidents_elsewhere,
}
