"""The promises R1 to R24, and who proves each: a row without a checker and a property cannot be called kept.

The words are ours; whether a promise is kept is read from the tests. A check of the judge names its promises where it
is listed (tests/judge/promised.py), another checker by PROMISES in its module, a property or a test by the marker
`promise`. What waits for several replicas is named as open here, with what is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.judge.promised import CHECKS

TESTS = Path(__file__).resolve().parents[1]
_CHECKERS_IN = ("simulation", "crash", "processes", "incidents")
_MOST_LINKS = 4


@dataclass(frozen=True, slots=True)
class Promise:
    """`figure` is a bound in words; `open` names what of it does not hold yet, "" where all of it does."""

    number: str
    words: str
    figure: str = ""
    open: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """Who proves a promise: checkers look at whole runs, properties at one part. As paths below tests/."""

    checkers: tuple[str, ...]
    properties: tuple[str, ...]


PROMISES = (
    Promise(
        "R1",
        "No raise without fresh evidence: every required gate passed, in this very look.",
        "0 raises without",
    ),
    Promise(
        "R2",
        "More crashes in the newest hour, older or fewer data never make a decision more permissive.",
        "monotone",
    ),
    Promise(
        "R3",
        "A confirmed failure is halted in the store, whatever Slack, the calendar or other apps do.",
        "at most 1 poll + 60 s",
    ),
    Promise(
        "R4",
        "A halt that the store does not show is called NOT HALTED, told, and sent again until it shows.",
        "soon at first, then at every poll",
    ),
    Promise("R5", "No stage is skipped, no bake cut, nothing caught up in a burst.", "1 stage at a time"),
    Promise(
        "R6",
        "100 % is a decision of its own, never the result of rounding or of an unknown word.",
        "0 by another way",
    ),
    Promise(
        "R7",
        "On the App Store HOLD and HALT mean PAUSED, and `guarded` means it everywhere but in an open window. "
        "Pause-days are never spent silently. A daemon that dies inside a window costs one of Apple's steps for each "
        "further day it is down.",
        "0 steps unguarded; told at 20, 25, 28 days",
    ),
    Promise(
        "R8",
        "Nothing but what was meant is changed: other releases and unknown fields stay as they are.",
        "0 siblings changed",
    ),
    Promise("R9", "A halt is undone only by a person.", "0 undone"),
    Promise("R10", "What people do in the console is noticed and respected.", "within 1 poll"),
    Promise(
        "R11",
        "Precedence is total: a person's halt, the daemon's, a halt on a linked store, a freeze, a person's hold, a newer "
        "release, a person's advance, the schedule. A permissive order expires.",
        "15 minutes",
    ),
    Promise(
        "R12",
        "An order is acknowledged only once it is durable; a `halt` that no daemon takes says NOT HALTED, and how to "
        "stop the release. `halt --direct` needs neither daemon nor database, and the next daemon keeps to it.",
        "10 s",
    ),
    Promise(
        "R13",
        "A crash at any instruction neither loses nor doubles a change: it is recorded first, and settled by looking.",
        "0 lost, 0 doubled",
    ),
    Promise(
        "R14",
        "Two daemons never both raise: each store app has a lease, whose epoch is looked at where an intent is recorded. Whoever "
        "takes one over waits until what the other has sent last is over, and halts at once.",
        "0 raises of two",
    ),
    Promise(
        "R15",
        "A daemon that was frozen, whose machine slept, or that is cut off, sends no raise that it decided on before, and none "
        "that would not be over before its lease is.",
        "45 s; a lease is 60 s",
    ),
    Promise(
        "R16",
        "The journal is append-only and hash-chained; the state is what the journal says, and each decision on evidence "
        "comes out again, bit for bit.",
        "0 entries changed unseen",
    ),
    Promise(
        "R17",
        "History never runs backwards unnoticed: a database that is behind the high-water file outside of it raises "
        "nothing until a person accepts that. The channel is told so, by one replica, also where nothing is held for it, and "
        "when it is settled.",
        "0 raises; told within 1 poll",
    ),
    Promise(
        "R18",
        "Without a durable journal nothing is raised; halts still go out, and are reconciled.",
        "0 raises",
    ),
    Promise(
        "R19",
        "Clock jumps, drift and daylight saving neither skip nor repeat a step; clocks that disagree raise nothing.",
        "120 s",
    ),
    Promise(
        "R20",
        "Notices arrive at least once and in order per rollout; one that fails holds up no other rollout. Halts and alarms "
        "that the channel does not take go to a second one, or to the log.",
        "after 10 minutes, at once if it refuses",
    ),
    Promise(
        "R21",
        "No silent death: while passes end in time a dead man's switch is asked for and a check-in reaches Sentry, where they "
        "are configured; `/healthz`, `/metrics` and `stagedrollout health` tell of a pass that is missed.",
        "within 2 polls",
    ),
    Promise(
        "R22",
        "Bytes, depth, time, tries and queues have limits, and no slow app or service delays another's halt.",
        "45 s a pass, 20 s a request; twenty apps that hang delay others by 1 s",
    ),
    Promise(
        "R23",
        "What is unknown is never taken for good: an unknown word of the store holds, an unknown key of a file is refused, "
        "and a running daemon keeps its configuration when a new one is wrong.",
        "0 guessed",
    ),
    Promise("R24", "Secrets appear in no log, journal, notice, argument or error.", "0 leaked"),
)


class Unproven(Exception):
    """A promise is called kept, and nothing proves it."""


def proofs() -> dict[str, Proof]:
    """Who proves what, read from the tests. Raises Unproven in words."""
    checkers, properties = dict(_checkers()), dict(_properties())
    found = {
        promise.number: Proof(
            tuple(sorted(file for file, numbers in checkers.items() if promise.number in numbers)),
            tuple(sorted(file for file, numbers in properties.items() if promise.number in numbers)),
        )
        for promise in PROMISES
    }
    for promise in PROMISES:
        proof = found[promise.number]
        if not promise.open and not (proof.checkers or proof.properties):
            raise Unproven(f"{promise.number} is called kept, and no test says that it proves it")
    strangers = {n for numbers in (*checkers.values(), *properties.values()) for n in numbers} - set(found)
    if strangers:
        raise Unproven(f"the tests prove promises that do not exist: {sorted(strangers)}")
    return found


def _checkers() -> Iterator[tuple[str, frozenset[str]]]:
    by_file: dict[str, frozenset[str]] = {}
    for check in CHECKS:
        file = f"{check.look.__module__.removeprefix('tests.').replace('.', '/')}.py"
        by_file[file] = by_file.get(file, frozenset()) | frozenset(check.promises)
    yield from by_file.items()
    for room in _CHECKERS_IN:
        for path in sorted((TESTS / room).glob("*.py")):
            numbers = _declared(_tree(path))
            if numbers:
                yield _name(path), numbers


def _declared(tree: ast.Module) -> frozenset[str]:
    """What `PROMISES = ("R13", ...)` in a module says."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["PROMISES"]:
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def _properties() -> Iterator[tuple[str, frozenset[str]]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        numbers = frozenset(_marked(_tree(path)))
        if numbers:
            yield _name(path), numbers


def _marked(tree: ast.Module) -> Iterator[str]:
    """The arguments of every `pytest.mark.promise(...)` in a test file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise":
            yield from (ast.literal_eval(each) for each in node.args if isinstance(each, ast.Constant))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(TESTS))


def table() -> str:
    """One row for each promise; what is open is said in it."""
    found = proofs()
    lines = [
        "| | Promise | Figure | Checked in whole runs by | Properties and tests |",
        "|---|---|---|---|---|",
    ]
    for promise in PROMISES:
        proof = found[promise.number]
        words = f"{promise.words} **Open**: {promise.open}." if promise.open else promise.words
        cells = (promise.number, words, promise.figure, linked(proof.checkers), linked(proof.properties))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def linked(files: tuple[str, ...]) -> str:
    """The files as links, the first few by name."""
    shown = ", ".join(
        f"[{Path(file).stem.removeprefix('test_')}](tests/{file})" for file in files[:_MOST_LINKS]
    )
    more = len(files) - _MOST_LINKS
    return f"{shown} and {more} more" if more > 0 else shown
