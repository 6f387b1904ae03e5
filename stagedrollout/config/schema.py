"""JSON Schemas for editors, made from the dataclasses that the files are read into: there is no second model.

A schema says what one value can tell of itself: keys, types, words, patterns, and the ranges in schema_rules.py.
What only several values tell together (stages that rise, an access that an app needs) is for `check`. So whatever a
schema refuses, `check` refuses too, and never the other way round alone: an editor must not mark what is right.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Any

from stagedrollout.config.schema_rules import RULES
from stagedrollout.config.settings import Settings
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import Written, duration_text

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors understand best."""

FILES: Mapping[str, type] = {"config": Settings, "policy": Policy}
"""Each file that people write, by the name that `stagedrollout schema` knows it by."""

_TITLES = {"config": "stagedrollout: the configuration", "policy": "stagedrollout: a policy"}

_FORMS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: {},
    timedelta: {"type": "string", "pattern": r"^\s*(\d+[smhdw]\s*)+$"},
    Decimal: {"type": ["number", "string"], "pattern": r"^\s*[\d_.eE+-]+\s*%?\s*$"},
    time: {"type": ["string", "integer"], "pattern": r"^T?\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?$"},
    date: {"type": ["string", "integer"], "pattern": r"^\d{4}-?(\d{2}-?\d{2}|W\d{2}(-?\d)?)$"},
}
"""What stands in a file for a type that has no form of its own."""


def schema_text(name: str) -> str:
    """The schema of one of FILES as it is shipped. Raises KeyError."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def schema(name: str) -> Schema:
    """The schema of one of FILES. Raises KeyError."""
    book = _Book({})
    book.note(FILES[name])
    sections = dict(sorted(book.sections.items()))
    top = sections.pop(FILES[name].__name__)
    return {"$schema": DIALECT, "title": _TITLES[name], **top, "definitions": sections}


@dataclasses.dataclass(frozen=True, slots=True)
class _Book:
    """The sections met so far, by the names of their dataclasses."""

    sections: dict[str, Schema]

    def note(self, kind: type) -> None:
        if kind.__name__ not in self.sections:
            self.sections[kind.__name__] = {}
            self.sections[kind.__name__] = self.section(kind)

    def section(self, kind: Any) -> Schema:
        hints, told, fields = typing.get_type_hints(kind, include_extras=True), _told(kind), _fields(kind)
        properties = {field.name: self.key(hints[field.name], field, told) for field in fields}
        found: Schema = {
            "type": "object",
            "description": _paragraph(inspect.cleandoc(kind.__doc__ or "")),
            "additionalProperties": False,
            "properties": properties,
        }
        if required := [field.name for field in fields if _is_required(field)]:
            found["required"] = required
        return _ruled(kind, found)

    def key(self, hint: Any, field: dataclasses.Field[Any], told: Mapping[str, str]) -> Schema:
        found = self.value(hint)
        if field.name in told:
            found = {**found, "description": told[field.name]}
        default = _plain(field.default)
        return {**found, "default": default} if default not in (None, "") else found

    def value(self, hint: Any) -> Schema:
        """What may stand where the dataclass expects `hint`."""
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.written(inner[0], inner[1:])
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.value(each) for each in inner]}
        if origin is tuple:
            return {"type": "array", "items": self.value(inner[0])}
        if origin is dict:
            return {"type": "object"}
        return self.plain(hint)

    def written(self, hint: Any, notes: tuple[Any, ...]) -> Schema:
        note = next((note for note in notes if isinstance(note, Written)), None)
        if note is None:
            return self.value(hint)
        if not note.form and dataclasses.is_dataclass(hint):
            return {}  # read in a form of its own that nobody has described
        form = dict(note.form) or self.value(hint)
        return {**form, "examples": [_example(note)]} if form.get("type") == "string" else form

    def plain(self, kind: Any) -> Schema:
        if kind is types.NoneType:
            return {"type": "null"}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [member.value for member in kind]}
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            self.note(kind)
            return {"$ref": f"#/definitions/{kind.__name__}"}
        return dict(_FORMS[kind])


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _ruled(kind: type, found: Schema) -> Schema:
    """With what the dataclass says in code. Raises KeyError for a rule about a key that is no more."""
    rules = dict(RULES.get(kind, {}))
    for key, rule in rules.pop("properties", {}).items():
        found["properties"][key] = {**found["properties"][key], **rule}
    for key in rules.pop("optional", ()):
        found["required"].remove(key)
    return {**found, **rules}


def _example(note: Written) -> str:
    return note.example.strip("\"'") if note.example[0] == note.example[-1] else note.example


def _plain(value: Any) -> Any:
    """A default as one would write it; None where that is no single value."""
    match value:
        case Enum():
            return value.value
        case bool() | int() | str():
            return value
        case timedelta():
            return duration_text(value)
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case _:
            return None


def _told(kind: type) -> dict[str, str]:
    """What the text below each field says of it, as far as it says anything; those of its bases as well."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if dataclasses.is_dataclass(each):
            told.update(_texts(each))
    return told


def _texts(kind: type) -> Iterator[tuple[str, str]]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = node.body if isinstance(node, ast.ClassDef) else []
    for entry, below in pairwise(body):
        match entry, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, _paragraph(inspect.cleandoc(text))


def _paragraph(text: str) -> str:
    return " ".join(text.split())
