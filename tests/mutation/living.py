"""The functions of this process, and the exchange of what one of them does."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import CodeType, FunctionType

from tests.mutation.mutants import ROOT, Mutant, mutated

Place = tuple[str, str, int]
"""File, qualified name, first line: what a function is known by."""


def place_of(mutant: Mutant) -> Place:
    return str(ROOT / mutant.file), mutant.where, mutant.begins


def living(files: Iterable[str]) -> Mapping[Place, list[FunctionType]]:
    """Wherever they are kept: under their name, behind a decorator, in a table."""
    wanted = {str(ROOT / file) for file in files}
    found: dict[Place, list[FunctionType]] = defaultdict(list)
    gc.unfreeze()  # what tests/conftest.py has put out of sight is looked for as well
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in wanted:
            found[place(thing.__code__)].append(thing)
    gc.freeze()
    return found


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


def _within(code: CodeType, wanted: Place) -> CodeType | None:
    if place(code) == wanted:
        return code
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return next((found for one in inner if (found := _within(one, wanted))), None)
