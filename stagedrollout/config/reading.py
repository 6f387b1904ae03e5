"""A Document into a dataclass of the core, through pydantic; its findings become sentences people can act on.

Validation is strict (`min_sample: true` is no number, `"500"` neither). It goes through JSON, because only
there does strict mode still read lists as tuples and texts as the members of an enum.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, TypeVar, cast

from stagedrollout.config import shapes
from stagedrollout.config.problems import Problem, nearest
from stagedrollout.config.yaml_tree import NO_NUMBER, Document, Path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Model = TypeVar("Model")

_ECHO_MAX = 40


def read_into(kind: type[Model], document: Document) -> tuple[Model | None, list[Problem]]:
    """The value, or everything that keeps the document from being one."""
    from pydantic import ValidationError  # noqa: PLC0415 - 300 ms that `status` must not pay

    try:
        adapter: TypeAdapter[Model] = _adapter(cast("Any", kind))
        return adapter.validate_json(json.dumps(document.data), strict=True), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [_problem(kind, document, detail) for detail in details]
    except (TypeError, OSError, ArithmeticError):
        # A value's own reader stumbled over it in a way nobody foresaw: refused, like every other value.
        wrong = "a value in this file is of a form that cannot be used"
        return None, [document.problem((), wrong, "look at its times and its time zone first")]


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(kind)


def texts_quoted(kind: type, document: Document, problems: list[Problem]) -> list[Problem]:
    """The same problems, but where a text is expected, what looks like a number beyond all reason is to be quoted.

    A key's id like 123E456789 is such a text; only whoever knows the shape of the file can tell.
    """
    paths = {".".join(map(str, path)): path for path in document.raw}
    return [_quoted(kind, document, problem, paths.get(problem.where)) for problem in problems]


def _quoted(kind: type, document: Document, problem: Problem, path: Path | None) -> Problem:
    if path is None or problem.wrong != NO_NUMBER or len(document.raw[path]) > _ECHO_MAX:
        return problem
    shape = shapes.at(kind, path)
    return _to_quote(document, path, 0) if shape and shape.kind is str else problem


def _problem(kind: type, document: Document, detail: Any) -> Problem:
    path: Path = tuple(detail["loc"])
    shape = shapes.at(kind, path)
    match detail["type"]:
        case "missing":
            return document.problem(path, f"`{path[-1]}` is missing", shapes.addition(str(path[-1]), shape))
        case "unexpected_keyword_argument":
            surroundings = shapes.at(kind, path[:-1])
            right = nearest(str(path[-1]), surroundings.keys) if surroundings else "remove it"
            return document.key_problem(path, f"unknown key `{path[-1]}`", right)
        case "value_error":
            return _said(document, path, shape, str(detail["ctx"]["error"]))
        case "string_type":
            return _no_text(document, path, shape)
        case _:
            return _misfit(document, path, shape)


def _said(document: Document, path: Path, shape: shapes.Shape | None, sentence: str) -> Problem:
    """A reader says what a value should be; a section's own rule says what is wrong among its keys."""
    if shape and shape.section:
        return document.problem((*path, *_spoken_of(document.get(*path), sentence)), sentence)
    return document.problem(path, "this value cannot be used", sentence)


def _spoken_of(section: Any, sentence: str) -> Path:
    """The key of the section that the sentence names first; the section itself if it names none."""
    flat = sentence.replace("_", " ")
    words = {key: re.escape(key.replace("_", " ").removesuffix("s")) for key in section or ()}
    found = {key: re.search(rf"\b{word}s?\b", flat) for key, word in words.items()}
    named = [(match.start(), key) for key, match in found.items() if match]
    return (min(named)[1],) if named else ()


def _no_text(document: Document, path: Path, shape: shapes.Shape | None) -> Problem:
    raw = document.raw.get(path, "")
    value = document.get(*path)
    if not isinstance(value, (bool, int, float)) or len(raw) > _ECHO_MAX:
        return _misfit(document, path, shape)
    return _to_quote(document, path, value)


def _to_quote(document: Document, path: Path, read_as: float) -> Problem:
    wrong = f"this is read as {_kind(read_as)}, not as text"
    return document.problem(path, wrong, f'quote it: "{document.raw[path]}"')


def _misfit(document: Document, path: Path, shape: shapes.Shape | None) -> Problem:
    value = document.get(*path)
    if value is None:
        return document.problem(path, "nothing stands here", shapes.expected(shape))
    if isinstance(value, str) and not (shape and shape.kind in (int, bool)):
        return document.problem(path, "this value cannot be used", shapes.expected(shape))
    return document.problem(path, f"{_kind(value)} does not fit here", shapes.expected(shape))


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a section"
