"""OpenAPI 3.0 descriptions, read strictly.

`nullable` means what it says where a type stands next to it; next to `$ref` OpenAPI 3.0 ignores it, and so is it
here (what Apple means by it is among the deviations).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.contracts.description import JSON, Answer, Description, Operation, Parameter, template

_METHODS = ("get", "put", "post", "delete", "patch")


@cache
def described(file: Path) -> Description:
    """The API of a file."""
    return read(json.loads(file.read_text("utf-8")))


def read(document: dict[str, Any]) -> Description:
    """The API of a document."""
    components = document.get("components", {}).get("schemas", {})
    shared = {"components": {"schemas": {name: _schema(one) for name, one in components.items()}}}
    return Description(tuple(_operations(document)), shared)


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        pattern, groups = template(path)
        for method in _METHODS:
            if method not in item:
                continue
            told = item[method]
            parameters = [*item.get("parameters", ()), *told.get("parameters", ())]
            body = told.get("requestBody", {})
            yield Operation(
                name=told["operationId"],
                method=method.upper(),
                path=pattern,
                groups=groups,
                parameters={one["name"]: _parameter(one) for one in parameters},
                body=_schema(body["content"][JSON]["schema"]) if body else None,
                body_required=body.get("required", False),
                answers={int(status): _answer(one) for status, one in told["responses"].items()},
            )


def _parameter(told: dict[str, Any]) -> Parameter:
    """Lists in a query travel repeated, unless `explode` is false."""
    several = ""
    if told["schema"].get("type") == "array":
        several = "repeated" if told.get("explode", told.get("style", "form") == "form") else "joined"
    required = told.get("required", False)
    return Parameter(told["name"], told["in"], _schema(told["schema"]), required=required, several=several)


def _answer(told: dict[str, Any]) -> Answer:
    content = told.get("content")
    if not content:
        return Answer()
    return Answer(_schema(next(iter(content.values()))["schema"]), tuple(content))


def _schema(told: Any) -> dict[str, Any]:
    """OpenAPI 3.0's schema words as JSON Schema, and nothing allowed that is not described."""
    if "$ref" in told:
        return {"$ref": told["$ref"]}
    kept = ("type", "enum", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "required")
    schema: dict[str, Any] = {key: told[key] for key in kept if key in told}
    for key in ("oneOf", "anyOf"):
        if key in told:
            schema[key] = [_schema(one) for one in told[key]]
    if "items" in told:
        schema["items"] = _schema(told["items"])
    if told.get("type") == "object" and ("properties" in told or "additionalProperties" in told):
        schema["properties"] = {name: _schema(one) for name, one in told.get("properties", {}).items()}
        more = told.get("additionalProperties", False)
        schema["additionalProperties"] = more if isinstance(more, bool) else _schema(more)
    if told.get("nullable") and "type" in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema
