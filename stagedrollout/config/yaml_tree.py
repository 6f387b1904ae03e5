"""A YAML file as plain data in which every value and every key remembers its line and column.

The tree is built here, not by the YAML library's own constructor, because that one stops at the first
duplicate key, keeps no place for plain scalars, and expands aliases without a bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stagedrollout.config.problems import Problem

Path = tuple[str | int, ...]
Mark = tuple[int, int]

DEPTH_MAX = 20
"""Levels of nesting. The deepest thing anybody writes here has six."""

NODES_MAX = 50_000
"""Values in one file with aliases expanded: some thousand apps, and no alias bomb."""

TEXT_MAX = 10_000
"""Characters in one text."""

NUMBER_MAX = 10**12
"""No count, percentage or limit comes near it."""

NO_NUMBER = "this is no number that makes sense"

_TAG = "tag:yaml.org,2002:"
_KEY = re.compile(r"[A-Za-z_<][A-Za-z0-9_<-]{0,63}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """One file. A path leads through keys and list indices, as in ("apps", 0, "name")."""

    file: str
    data: Any
    values: dict[Path, Mark]
    keys: dict[Path, Mark]
    raw: dict[Path, str]

    def get(self, *path: str | int) -> Any:
        """The plain value at the path; None where the file has nothing of that shape."""
        here = self.data
        for step in path:
            if isinstance(here, dict) and isinstance(step, str):
                here = here.get(step)
            elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                here = here[step]
            else:
                return None
        return here

    def problem(self, path: Path, wrong: str, right: str = "") -> Problem:
        """A problem with the value at the path, or with what surrounds it where there is none."""
        known = path
        while known and known not in self.values:
            known = known[:-1]
        return self._problem(self.values.get(known, (1, 1)), path, wrong, right)

    def key_problem(self, path: Path, wrong: str, right: str = "") -> Problem:
        """A problem with the key itself, not with what it holds."""
        return self._problem(self.keys.get(path, (1, 1)), path, wrong, right)

    def _problem(self, mark: Mark, path: Path, wrong: str, right: str) -> Problem:
        return Problem(self.file, *mark, ".".join(map(str, path)), wrong, right)


class _TooMuch(Exception):
    """The file is deeper or larger than anything sensible; the problem is recorded already."""


@dataclass(slots=True)
class _Builder:
    document: Document
    problems: list[Problem] = field(default_factory=list)
    seen: int = 0

    def build(self, node: Node, path: Path) -> Any:
        self.document.values.setdefault(path, _mark(node))
        self.seen += 1
        if self.seen > NODES_MAX or len(path) > DEPTH_MAX:
            self.complain(
                path, "too many values, or nested too deeply", "write less; aliases count each time"
            )
            raise _TooMuch
        match node:
            case MappingNode():
                self.check_tag(node, path, "map")
                return self.mapping(node, path)
            case SequenceNode():
                self.check_tag(node, path, "seq")
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self.scalar(node, path)
            case _:
                self.complain(path, "this is not YAML that is read here", "write plain keys and values")
                return None

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                self.problems.append(
                    Problem(
                        self.document.file,
                        *_mark(key_node),
                        _dotted(path),
                        "this is no key",
                        "keys are words",
                    )
                )
                continue
            here = (*path, key)
            if key in found:
                first = self.document.keys[here][0]
                self.problems.append(
                    Problem(
                        self.document.file,
                        *_mark(key_node),
                        _dotted(here),
                        f"`{key}` is written twice, first in line {first}",
                        "keep one of them",
                    )
                )
                continue
            self.document.keys[here] = _mark(key_node)
            found[key] = self.build(value_node, here)
        return found

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        self.document.raw[path] = text
        if len(text) > TEXT_MAX or _UNPRINTABLE.search(text):
            self.complain(path, f"longer than {TEXT_MAX} characters or not printable", "write plain text")
            return None
        match str(node.tag).removeprefix(_TAG):
            case "str" | "timestamp" | "merge":
                return text
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" | "float" as kind:
                return self.number(text, kind, path)
            case _:
                self.complain(path, "this YAML tag is not read here", "write the plain value")
                return None

    def number(self, text: str, kind: str, path: Path) -> int | float | None:
        try:
            value = (
                _integer(text) if kind == "int" else float(text.replace(".inf", "inf").replace(".nan", "nan"))
            )
        except ValueError:
            value = float("nan")
        if not abs(value) <= NUMBER_MAX:
            self.complain(path, NO_NUMBER, "write a number like 500 or 99.5")
            return None
        return value

    def check_tag(self, node: Node, path: Path, plain: str) -> None:
        if str(node.tag) != _TAG + plain:
            self.complain(path, "this YAML tag is not read here", "leave it out")

    def complain(self, path: Path, wrong: str, right: str) -> None:
        self.problems.append(self.document.problem(path, wrong, right))


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(text, 0)


def _mark(node: Node) -> Mark:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def build(file: str, node: Node) -> tuple[Document | None, list[Problem]]:
    """The document with what its structure has wrong; no document when it is out of all proportion."""
    document = Document(file, {}, {}, {}, {})
    builder = _Builder(document)
    try:
        data = builder.build(node, ())
    except _TooMuch:
        return None, builder.problems
    return Document(file, data, document.values, document.keys, document.raw), builder.problems
