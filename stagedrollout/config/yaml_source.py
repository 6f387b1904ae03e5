"""From a file on disk to a Document: bytes, UTF-8, YAML 1.2. What is wrong becomes a problem with its place.

YAML 1.2 leaves `no`, `NO` and `12:30` texts, as their writers meant them.
"""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document, build

BYTES_MAX = 1024 * 1024
"""Bytes of one file: hundreds of apps fit many times over, and reading stays a matter of seconds."""

_NESTED = re.compile(r"(?:[\[{]\s*){33}")

_WORDS = (
    ("'\\t' that cannot start any token", "a tab stands here", "indent with spaces"),
    (
        "mapping values are not allowed",
        "a key cannot stand here",
        "indent evenly, and quote text that has a colon",
    ),
    ("another document", "a second document begins here", "keep one document per file"),
    ("unexpected end of stream", "this quoted text never ends", "close the quotes"),
    (
        "undefined alias",
        "nothing above is called so",
        "define the anchor before its alias, or write the value out",
    ),
    ("could not find expected ':'", "a key without its colon", "write key: value"),
    ("found character", "this character cannot begin a value", "put the text in quotes"),
    ("expected <block end>", "this line does not fit the ones above", "indent it like its neighbours"),
)


def read_document(path: Path) -> tuple[Document | None, list[Problem]]:
    """Read one file whose top level is a mapping. No document when there is nothing sensible to go on with."""
    text = _text(path)
    if isinstance(text, Problem):
        return None, [text]
    return parse(str(path), text)


def parse(file: str, text: str) -> tuple[Document | None, list[Problem]]:
    """Like `read_document`, for a text that is at hand."""
    if deep := _NESTED.search(text):
        return None, [_deep(file, *_place(text, deep.start()))]
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        node = yaml.compose(text)
    except YAMLError as error:
        return None, [_syntax(file, text, error)]
    except RecursionError:
        return None, [_deep(file, 1, 1)]
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, NotImplementedError):
        return None, [
            Problem(file, 1, 1, "", "this is not YAML that can be read", "write plain keys and values")
        ]
    document, problems = build(file, node) if node else (None, [])
    if not problems and (document is None or document.data is None):
        return None, [Problem(file, 1, 1, "", "the file is empty", "it begins with a key, like name: value")]
    if document is not None and not isinstance(document.data, dict):
        return None, [
            document.problem((), "the file is no mapping", "it begins with a key, like name: value")
        ]
    return document, problems


def _text(path: Path) -> str | Problem:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        return Problem(str(path), 0, 0, "", f"cannot be read: {why.lower()}", "name a readable file")
    if len(data) > BYTES_MAX:
        return Problem(str(path), 0, 0, "", f"larger than {BYTES_MAX // 1024} KiB", "split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8-sig"), None)
        return Problem(str(path), line, column, "", "this is not UTF-8", "save the file as UTF-8")


def _place(text: str, index: int | None) -> tuple[int, int]:
    """Line and column (from 1) of the character at the index; None: after the last one."""
    before = text if index is None else text[:index]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _deep(file: str, line: int, column: int) -> Problem:
    return Problem(file, line, column, "", "nested too deeply", "write it out flatly")


def _syntax(file: str, text: str, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", "") or "")
    position = getattr(error, "position", None)
    if isinstance(position, int):
        wrong, right = "this character may not stand in YAML", "remove it"
        return Problem(file, *_place(text, position), "", wrong, right)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    for part, wrong, right in _WORDS:
        if part in said:
            return Problem(file, line, column, "", wrong, right)
    return Problem(file, line, column, "", "this is not YAML", "check indentation, quotes and brackets here")
