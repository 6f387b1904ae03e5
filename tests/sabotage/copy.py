"""A copy of the tree with one function broken, for a process of its own."""

from __future__ import annotations

import ast
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sabotage.sabotages import Sabotage

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("stagedrollout", "tests", "policies")
_UNNEEDED = shutil.ignore_patterns("*.jsonl")


class NotThere(Exception):
    """The text to be broken is not where the sabotage says."""


def broken(source: str, sabotage: Sabotage) -> str:
    """The module's source with the edit. Raises NotThere unless it is one place in the function named."""
    first, last = _lines_of(source, sabotage)
    lines = source.splitlines(keepends=True)
    function = "".join(lines[first - 1 : last])
    if function.count(sabotage.sound) != 1:
        found = function.count(sabotage.sound)
        raise NotThere(
            f"{sabotage.name}: {found} such places in {sabotage.where} of {sabotage.file}, not one"
        )
    edited = function.replace(sabotage.sound, sabotage.broken)
    return "".join(lines[: first - 1]) + edited + "".join(lines[last:])


def _lines_of(source: str, sabotage: Sabotage) -> tuple[int, int]:
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == sabotage.where
    ]
    if len(functions) != 1 or functions[0].end_lineno is None:
        raise NotThere(f"{sabotage.name}: {len(functions)} functions {sabotage.where} in {sabotage.file}")
    return functions[0].lineno, functions[0].end_lineno


@contextmanager
def tree(sabotage: Sabotage | None) -> Iterator[Path]:
    """The copied tree; sound as it is where there is no sabotage."""
    with tempfile.TemporaryDirectory(prefix="sabotaged-") as folder:
        place = Path(folder)
        for name in _COPIED:
            shutil.copytree(ROOT / name, place / name, ignore=_UNNEEDED)
        if sabotage:
            module = place / "stagedrollout" / sabotage.file
            module.write_text(broken(module.read_text("utf-8"), sabotage), "utf-8")
        yield place
