"""An API as described by whoever runs it: its operations, and what is wrong with a request or an answer.

Descriptions say what there is, so here nothing else may be: a parameter, a field or a status that is not described
is a finding, also where JSON Schema alone would let it pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from tests.contracts.exchange import Exchange

Schema = Mapping[str, Any]

JSON = "application/json"
SHOWN_MAX = 160
"""Characters of a complaint; whole answers are quoted in some."""

_CHECKED = FormatChecker()


@_CHECKED.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339: with a T and an offset. jsonschema itself leaves this to another package."""
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where: `side` is "request" or "answer", `status` the answer's (0 for a request)."""

    operation: str
    side: str
    status: int
    text: str

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.operation}, {self.side}{status}: {self.text}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`place` is "path" or "query". `several`: how a list travels, "repeated" (a=1&a=2) or "joined" (a=1,2)."""

    name: str
    place: str
    schema: Schema
    required: bool = False
    several: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status may bring: a body of `schema` in one of `types`, or (schema None) no body."""

    schema: Schema | None = None
    types: tuple[str, ...] = (JSON,)


@dataclass(frozen=True)
class Operation:
    """One operation. `path` matches whole paths, still percent-encoded, with a group for each parameter.

    `answers` by status; `otherwise` is what every other status from 400 on brings, None if no other is described.
    `media`: with ?alt=media it brings a file instead.
    """

    name: str
    method: str
    path: re.Pattern[str]
    parameters: Mapping[str, Parameter]
    answers: Mapping[int, Answer]
    body: Schema | None = None
    body_required: bool = False
    otherwise: Answer | None = None
    media: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)

    def takes(self, method: str, path: str) -> bool:
        found = self.path.fullmatch(path) if method == self.method else None
        return found is not None and all(
            re.fullmatch(parameter.schema.get("pattern", ".+"), unquote(found[group]))
            for name, group in self.groups.items()
            if (parameter := self.parameters.get(name))
        )


@dataclass(frozen=True)
class Description:
    """All operations of an API. `shared` holds the schemas that others refer to, by the keys of its top level."""

    operations: tuple[Operation, ...]
    shared: Mapping[str, Any]

    @cached_property
    def _judges(self) -> dict[int, Draft202012Validator]:
        return {}

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a request; of two, the one whose path says more in words."""
        found = [operation for operation in self.operations if operation.takes(method, path)]
        return min(found, key=lambda operation: len(operation.groups), default=None)

    def findings(self, exchange: Exchange) -> list[Finding]:
        """Everything that is wrong with a request and its answer; a dropped connection is no answer."""
        operation = self.operation(exchange.request.method, exchange.request.path)
        if operation is None:
            text = f"{exchange.request.method} {exchange.request.path} is no operation"
            return [Finding("unknown", "request", 0, text)]
        sent = dict.fromkeys(self._of_request(operation, exchange))
        told = dict.fromkeys(self._of_answer(operation, exchange) if exchange.status else ())
        return [
            *(Finding(operation.name, "request", 0, text) for text in sent),
            *(Finding(operation.name, "answer", exchange.status, text) for text in told),
        ]

    def _of_request(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        found = operation.path.fullmatch(exchange.request.path)
        given = {name: [unquote(found[group])] for name, group in operation.groups.items()} if found else {}
        for name in exchange.request.query:
            if name not in operation.parameters or operation.parameters[name].place != "query":
                yield f"?{name} is no parameter"
        for name, parameter in operation.parameters.items():
            values = (exchange.request.query if parameter.place == "query" else given).get(name)
            if values is not None:
                yield from self._of_parameter(parameter, values)
            elif parameter.required:
                yield f"?{name} is missing"
        yield from self._of_body(operation, exchange)

    def _of_parameter(self, parameter: Parameter, values: list[str]) -> Iterator[str]:
        if len(values) > 1 and parameter.several != "repeated":
            yield f"?{parameter.name} comes {len(values)} times"
        if parameter.several == "joined":
            values = values[0].split(",")
        kind = parameter.schema
        read = [_read(value, kind.get("items", {}) if parameter.several else kind) for value in values]
        for complaint in self._complaints(kind, read if parameter.several else read[0]):
            yield f"?{parameter.name}: {complaint}"

    def _of_body(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        if not exchange.request.body:
            if operation.body_required:
                yield "the body is missing"
            return
        if operation.body is None:
            yield "there is a body, and none is described"
            return
        if exchange.sent_as != JSON:
            yield f"the body calls itself {exchange.sent_as or 'nothing'}"
        yield from self._of_json(operation.body, exchange.request.body)

    def _of_answer(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        if operation.media and exchange.status == 200 and exchange.request.first("alt") == "media":
            return
        told = operation.answers.get(exchange.status)
        if told is None and exchange.status >= 400:
            told = operation.otherwise
        if told is None:
            yield "the status is not described"
            return
        if told.schema is None:
            if exchange.response.body:
                yield "there is a body, and none is described"
            return
        if exchange.answered_as not in told.types:
            yield f"the body calls itself {exchange.answered_as or 'nothing'}"
        yield from self._of_json(told.schema, exchange.response.body)

    def _of_json(self, schema: Schema, content: bytes) -> Iterator[str]:
        try:
            document = json.loads(content)
        except ValueError:
            yield "the body is no JSON"
            return
        yield from self._complaints(schema, document)

    def _complaints(self, schema: Schema, value: Any) -> Iterator[str]:
        """Places in lists are not numbered: what is wrong with one entry is mostly wrong with all."""
        for error in self._judge(schema).iter_errors(value):
            root = best_match([error])
            text = root.message if len(root.message) <= SHOWN_MAX else f"{root.message[:SHOWN_MAX]}…"
            yield f"{re.sub('[0-9]+(?=])', '', root.json_path)}: {text}"

    def _judge(self, schema: Schema) -> Draft202012Validator:
        """One per schema, told apart by identity: a description is read once and never changed."""
        if id(schema) not in self._judges:
            whole = {**schema, **self.shared}
            self._judges[id(schema)] = Draft202012Validator(whole, format_checker=_CHECKED)
        return self._judges[id(schema)]


def template(path: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """A path with {name} for a segment and {+name} for several -> what matches it, and the groups by name."""
    groups: dict[str, str] = {}
    pattern = ""
    for place, part in enumerate(re.split(r"(\{\+?\w+\})", path)):
        if place % 2 == 0:
            pattern += re.escape(part)
            continue
        groups[part.strip("{+}")] = group = f"p{place}"
        pattern += f"(?P<{group}>{'.+' if part[1] == '+' else '[^/]+'})"
    return re.compile(pattern), groups


def _read(text: str, kind: Schema) -> Any:
    """A parameter's text as what it stands for; text that does not stand for it stays text, and is found out."""
    kinds = {kind.get("type"), *(one.get("type") for one in kind.get("anyOf", ()))}
    if kinds & {"integer", "number"} and re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text
