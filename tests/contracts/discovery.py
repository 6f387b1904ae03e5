"""Google's discovery documents, as its own client has them on disk.

They describe no errors: those have the common format of Google's APIs (google-play.md section 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from googleapiclient import discovery_cache

from tests.contracts.description import Answer, Description, Operation, Parameter, template

DOCUMENTS = Path(discovery_cache.__file__).parent / "documents"
_TEXT_NUMBERS = ("int64", "uint64")

_TEXT = {"type": "string"}
ERROR = Answer(
    {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status", "errors"],
                "additionalProperties": False,
                "properties": {
                    "code": {"type": "integer"},
                    "message": {"type": "string"},
                    "status": {"type": "string", "pattern": "^[A-Z_]+$"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "domain", "reason"],
                            "additionalProperties": False,
                            "properties": {"message": _TEXT, "domain": _TEXT, "reason": _TEXT},
                        },
                    },
                    "details": {"type": "array", "items": {"type": "object", "required": ["@type"]}},
                },
            }
        },
    }
)
"""The format with `status` and `errors`."""


@cache
def described(name: str) -> Description:
    """The API of a document, such as "androidpublisher.v3"."""
    document = json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))
    defined = {key: _schema(one) for key, one in document["schemas"].items()}
    return Description(tuple(_operations(document, document)), {"$defs": defined})


def _operations(document: dict[str, Any], holder: dict[str, Any]) -> Iterator[Operation]:
    for method in holder.get("methods", {}).values():
        yield _operation(document, method)
    for resource in holder.get("resources", {}).values():
        yield from _operations(document, resource)


def _operation(document: dict[str, Any], method: dict[str, Any]) -> Operation:
    path, groups = template(f"/{document['servicePath']}{method['path']}")
    told = {**document["parameters"], **method.get("parameters", {})}
    media = method.get("supportsMediaDownload", False)
    if media:
        told["alt"] = {**told["alt"], "enum": [*told["alt"]["enum"], "media"]}
    gives = _schema(method["response"]) if "response" in method else None
    return Operation(
        name=method["id"],
        method=method["httpMethod"],
        path=path,
        groups=groups,
        parameters={name: _parameter(name, one) for name, one in told.items()},
        body=_schema(method["request"]) if "request" in method else None,
        answers={200: Answer(gives)} if gives else {200: Answer(), 204: Answer()},
        otherwise=ERROR,
        media=media,
    )


def _parameter(name: str, told: dict[str, Any]) -> Parameter:
    repeated = told.get("repeated", False)
    one = {key: value for key, value in told.items() if key in ("type", "enum", "pattern")}
    if told.get("format") in ("int32", *_TEXT_NUMBERS):
        one = {"type": "integer", **{key: int(told[key]) for key in ("minimum", "maximum") if key in told}}
    return Parameter(
        name,
        told["location"],
        {"type": "array", "items": one} if repeated else one,
        required=told.get("required", False),
        several="repeated" if repeated else "",
    )


def _schema(told: dict[str, Any]) -> dict[str, Any]:
    """Discovery's own schema words as JSON Schema."""
    if "$ref" in told:
        return {"$ref": f"#/$defs/{told['$ref']}"}
    match told.get("type"):
        case "object":
            more = told.get("additionalProperties")
            return {
                "type": "object",
                "properties": {name: _schema(one) for name, one in told.get("properties", {}).items()},
                "additionalProperties": False if more is None else _schema(more),
            }
        case "array":
            return {"type": "array", "items": _schema(told["items"])}
        case "string" if told.get("format") in _TEXT_NUMBERS:
            return {"type": "string", "pattern": "^-?[0-9]+$"}
        case "string" if told.get("format") in ("date-time", "google-datetime"):
            return {"type": "string", "format": "date-time"}
        case "any" | None:
            return {}
        case kind:
            return {"type": kind, **({"enum": told["enum"]} if "enum" in told else {})}
