"""The core is pure: standard library only, and nothing in it that asks the clock, chance or the world."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stagedrollout.core

ROOT = Path(stagedrollout.core.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
IMPURE = {
    "asyncio",
    "concurrent",
    "ctypes",
    "getpass",
    "glob",
    "http",
    "io",
    "locale",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "platform",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
    "warnings",
}
ASKING = {"now", "utcnow", "today", "fromtimestamp", "monotonic", "perf_counter", "getenv", "environ"}
DOING = {
    "open",
    "print",
    "input",
    "exec",
    "eval",
    "compile",
    "__import__",
    "breakpoint",
    "globals",
    "id",
    "hash",
}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def offences(tree: ast.AST) -> Iterator[str]:
    """Calls that ask something the caller did not say, or do something nobody was told."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name) if name in DOING:
                yield f"{name}() in line {node.lineno}"
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name) if name in ASKING:
                yield f"{name}() in line {node.lineno}"
            case ast.Attribute(attr=name) if name in ASKING - {"now", "today"}:
                yield f"{name}() in line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_the_standard_library_and_itself(path: Path) -> None:
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        top = name.partition(".")[0]
        own = name.startswith("stagedrollout.core")
        assert own or top in sys.stdlib_module_names, f"{name} is neither ours nor standard"
        assert top not in IMPURE, f"{name} reaches outside"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_asks_no_clock_and_does_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(offences(tree)) == []
    assert not any(isinstance(node, (ast.Global, ast.Nonlocal)) for node in ast.walk(tree))


def test_the_walk_sees_what_it_looks_for() -> None:
    bad = ast.parse("import os\nnow = datetime.now()\nopen('x')\nx.monotonic()\nfrom random import random")
    assert [offence.split("(")[0] for offence in offences(bad)] == ["now", "open", "monotonic"]
    assert set(imports(bad)) == {"os", "random"}
    assert len(FILES) > 20
