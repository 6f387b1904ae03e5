"""`./dev demo`: the demo in one process, the judge in another, and one document from both.

    python -m tests.judge.demo [--scenario NAME] [--seed N] [--json] ...

Options go to `stagedrollout demo`. Exit code 0 only when the demo ran, journal and ledger agree, every
promise was kept, and the story ended as its file says it must.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    passed_on = [argument for argument in arguments if argument != "--json"]
    if "--help" in arguments or "-h" in arguments:
        return subprocess.run(
            [sys.executable, "-m", "stagedrollout", "demo", "--help"], check=False
        ).returncode
    with tempfile.TemporaryDirectory(prefix="stagedrollout-judged-") as scratch:
        out = _out(passed_on, Path(scratch))
        command = [sys.executable, "-m", "stagedrollout", "demo", "--out", str(out), *_without_out(passed_on)]
        ran = subprocess.run(command, check=False, stdout=subprocess.DEVNULL if as_json else None)
        if ran.returncode:
            return ran.returncode
        judge = [sys.executable, "-m", "tests.judge", str(out)]
        if not as_json:
            print(flush=True)
            return subprocess.run(judge, check=False).returncode
        judged = subprocess.run([*judge, "--json"], check=False, capture_output=True, text=True)
        sys.stderr.write(judged.stderr)
        rollouts = json.loads((out / "rollouts.json").read_text())["rollouts"]
        ledger = json.loads(judged.stdout) if judged.stdout else None
        print(json.dumps({"rollouts": rollouts, "ledger": ledger}, indent=2))
        return judged.returncode


def _out(arguments: list[str], scratch: Path) -> Path:
    """Where the user wants the files kept, or a folder that goes away."""
    for index, argument in enumerate(arguments):
        if argument == "--out" and index + 1 < len(arguments):
            return Path(arguments[index + 1])
        if argument.startswith("--out="):
            return Path(argument.removeprefix("--out="))
    return scratch / "run"


def _without_out(arguments: list[str]) -> list[str]:
    left: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument == "--out":
            skip = not skip
        elif not argument.startswith("--out="):
            left.append(argument)
    return left


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
