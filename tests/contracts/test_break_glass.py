"""Break-glass holds no raise: whatever can be reached from it, by any name, sends none.

The walk is by names and therefore wide: a function that mentions a name may be calling anything that is called so. What it
does not reach cannot be called.
"""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import stagedrollout
from stagedrollout.cli import direct
from stagedrollout.daemon.direct import Brake

pytestmark = pytest.mark.promise("R12")

ROOT = Path(stagedrollout.__file__).parent
ROOMS = ("daemon/direct.py", "stores")
"""Where the walk goes: break-glass itself, and everything of the stores that it could call."""

RAISES = {
    "apply",  # the one way by which a store port raises
    "_raise",
    "_raise_sent",
    "raised",
    "to_phase",
    "to_release",
    "_start",
    "to_remove",
}
"""What builds or sends a raise of any kind, or takes an app off sale."""


@cache
def _functions() -> dict[str, list[ast.AST]]:
    found: dict[str, list[ast.AST]] = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ROOMS):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found[node.name].append(node)
    return found


def _names(node: ast.AST) -> set[str]:
    named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return named | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def _reached(*starts: str) -> set[str]:
    functions, reached, waiting = _functions(), set[str](), list(starts)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += [other for node in functions.get(name, ()) for other in _names(node) if other in functions]
    return reached


def test_a_store_is_known_there_as_something_to_look_at_and_to_stop() -> None:
    assert {name for name in vars(Brake) if not name.startswith("_")} == {"glance", "halt"}


def test_nothing_that_raises_can_be_reached_from_a_halt_past_the_daemon() -> None:
    reached = _reached("stop", "glance", "halt")
    assert {"_halt_committed", "_paused", "to_state"} <= reached, (
        "the walk must get as far as the halts themselves"
    )
    assert reached & RAISES == set()


def test_the_walk_finds_what_the_daemon_can_do() -> None:
    assert _reached("apply") >= RAISES - {"to_remove"}


def test_on_the_app_store_it_sends_one_word_only() -> None:
    """to_state sets any state of a phased release: everything that a halt reaches says PAUSED."""
    reached = _reached("stop", "glance", "halt")
    calls = [
        call
        for name in reached
        for node in _functions().get(name, ())
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "to_state"
    ]
    assert calls
    assert {ast.unparse(call.args[1]) for call in calls} == {"PAUSED"}


def test_the_command_line_holds_no_other_verb_there() -> None:
    source = inspect.getsource(direct)
    verbs = ("start", "resume", "advance", "complete", "Verb", "apply(")
    assert not [verb for verb in verbs if f'"{verb}"' in source or (verb[0].isupper() and verb in source)]
