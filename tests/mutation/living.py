"""The functions of this process, and the exchange of what one of them does."""

from __future__ import annotations

import ast
import gc
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutation.mutants import ROOT, Mutant, begins, functions_of, mutated

PACKAGE = "stagedrollout"
_TELLING = "__entered__"

Place = tuple[str, str, int]
"""File, qualified name, first line: what a function is known by."""


def place_of(mutant: Mutant) -> Place:
    return str(ROOT / mutant.file), mutant.where, mutant.begins


def living(files: Iterable[str]) -> Mapping[Place, list[FunctionType]]:
    """Wherever they are kept: under their name, behind a decorator, in a table."""
    wanted = {str(ROOT / file) for file in files}
    found: dict[Place, list[FunctionType]] = defaultdict(list)
    for thing in _everything():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in wanted:
            found[place(thing.__code__)].append(thing)
    return found


def memories() -> list[_lru_cache_wrapper[object]]:
    """What the package keeps of earlier calls. Whatever ran while the tests were collected would answer from there,
    and nothing would ever enter the mutant."""
    wrapped = (thing for thing in _everything() if isinstance(thing, _lru_cache_wrapper))
    return [thing for thing in wrapped if thing.__module__.partition(".")[0] == PACKAGE]


def _everything() -> list[object]:
    gc.unfreeze()  # what tests/conftest.py has put out of sight is looked at as well
    things = gc.get_objects()
    gc.freeze()
    return things


def place(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def exchange(mutant: Mutant, functions: Iterable[FunctionType]) -> None:
    """From now on, they do what the mutant does. ValueError where the mutant needs what they do not have."""
    whole = compile(mutated(mutant), str(ROOT / mutant.file), "exec", dont_inherit=True)
    code = _within(whole, place_of(mutant))
    if code is None:
        raise LookupError(mutant.name)
    for function in functions:
        function.__code__ = code


def watch(functions: Mapping[Place, Iterable[FunctionType]]) -> set[Place]:
    """From now on they put themselves into this set when they are entered. A line at the head of each costs next to
    nothing; a profiler, which is told of every call, took longer than the tests."""
    entered: set[Place] = set()
    for file in {file for file, _, _ in functions}:
        tree = ast.parse(Path(file).read_text("utf-8"))
        for where, function in functions_of(tree):
            told = (file, where, begins(function))
            place_told = ast.Tuple([ast.Constant(part) for part in told], ast.Load())
            call = ast.Call(ast.Name(_TELLING, ast.Load()), [place_told], [])
            function.body.insert(0, ast.copy_location(ast.Expr(call), function.body[0]))
        whole = compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
        for there in [there for there in functions if there[0] == file]:
            code = _within(whole, there)
            if code is None:
                raise LookupError(there)
            for living_one in functions[there]:
                living_one.__globals__[_TELLING] = entered.add
                living_one.__code__ = code
    return entered


def _within(code: CodeType, wanted: Place) -> CodeType | None:
    if place(code) == wanted:
        return code
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return next((found for one in inner if (found := _within(one, wanted))), None)
