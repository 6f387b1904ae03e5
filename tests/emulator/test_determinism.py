"""The same scenario and seed, asked the same way, is the same world to the last digit."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

from stagedrollout.emulator.world import World
from tests.emulator.calls import PlayCaller, pass_time, scenario, sessions, slack, staged

ROOT = Path(__file__).parents[2]


def played(seed: int = 7) -> str:
    rest = "people: [{at: 20h, app: acme, act: raise, percent: 3}]"
    world = World(dataclasses.replace(scenario(rest=rest), seed=seed), wall=lambda: 1_000_000.0)
    ours = PlayCaller(world)
    for fraction in (0.05, 0.1, 0.2):
        pass_time(world, 12)
        ours.change(staged(5020, fraction))
        sessions(world)
        slack(world, "chat.postMessage", channel="C0RELEASE", text=f"{fraction}")
    return json.dumps(world.ledger.after(0))


def test_the_same_seed_gives_the_same_ledger_and_the_same_answers():
    assert played() == played()


def test_another_seed_gives_other_answers():
    assert played() != played(seed=8)


def test_it_does_not_depend_on_the_hash_seed_of_the_process():
    code = "import hashlib; from tests.emulator.test_determinism import played; "
    code += "print(hashlib.sha256(played().encode()).hexdigest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
