"""The judge as a command: 0 when the run kept every promise, 1 when it did not, 2 when nobody can tell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

if not __package__:  # started as `python tests/judge`: the repository is two floors up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.judge import Unreadable, Verdict, judge, read
from tests.judge.terms import percent
from tests.judge.verdict import VIOLATIONS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="judge", description="What a demo or emulated run really did.")
    parser.add_argument("directory", type=Path, help="what `stagedrollout demo --out DIR` wrote")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    options = parser.parse_args(arguments)
    try:
        verdict = judge(read(options.directory))
    except Unreadable as error:
        return _undecided(str(error))
    except (KeyError, TypeError, ValueError) as error:
        return _undecided(f"a record is not as it should be: {type(error).__name__}: {error}")
    print(json.dumps(verdict.document(), indent=2) if options.json else _text(verdict))
    return 0 if verdict.clean else 1


def _undecided(why: str) -> int:
    print(f"judge: {why}", file=sys.stderr)
    return 2


def _text(verdict: Verdict) -> str:
    lines = [_serves(store, facts) for store, facts in verdict.stores.items()]
    lines += [_went(rollout, facts) for rollout, facts in verdict.phased.items()]
    lines += [f"  {name.replace('_', ' ')}: {count}" for name, count in verdict.counts.items()]
    lines += [f"  {check.replace('_', ' ')}: {verdict.count(check)}" for check in VIOLATIONS]
    for finding in verdict.findings:
        lines.append(f"! {finding.check}: {finding.at} {finding.app} {finding.text}")
    lines += [f"? not judged: {what}" for what in verdict.not_judged]
    lines.append("clean" if verdict.clean else f"{len(verdict.findings)} promises broken")
    return "\n".join(lines)


def _serves(store: str, facts: object) -> str:
    assert isinstance(facts, dict)
    where = f"{store} ({', '.join(filter(None, (facts['app'], facts['track'])))})"
    return f"{where}: {facts['release']} {facts['status']}, offered to {percent(facts['exposure_ppm'])}"


def _went(rollout: str, facts: Mapping[str, float]) -> str:
    """How a version went through Apple's shares."""
    return f"{rollout}: " + ", ".join(f"{name.replace('_', ' ')} {count:g}" for name, count in facts.items())


if __name__ == "__main__":
    sys.exit(main())
