"""Values to JSON text and back, so that what is read again is exactly what was written."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import canonical
from stagedrollout.storage.schema import storable

T = TypeVar("T")

UNREADABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError),
    StorageError,  # of an instant that is none
)
"""What reading a damaged or unknown row raises before it is put in our words."""


def json_text(body: dict[str, Any]) -> str:
    """The canonical text. Raises StorageError for what JSON cannot say."""
    try:
        return canonical(json.loads(storable(canonical(body))))
    except (ValueError, TypeError) as error:
        raise StorageError(f"this cannot be written down as JSON: {error}") from error


def json_body(text: str) -> dict[str, Any]:
    """Raises ValueError for anything but an object in its canonical form."""
    body = json.loads(text)
    if not isinstance(body, dict) or canonical(body) != text:
        raise ValueError("not the JSON that was written")
    return body


def value_text(value: Any) -> str:
    """A frozen dataclass as canonical JSON. Raises StorageError for what JSON cannot say."""
    return json_text(encode(value))


def value_of(kind: type[T], text: str) -> T:
    """The dataclass `value_text` was given. Raises StorageError when the text is no such thing."""
    try:
        return decode(kind, json.loads(text))
    except UNREADABLE as error:
        raise StorageError(f"the database holds a {kind.__name__} that cannot be read: {error}") from error
