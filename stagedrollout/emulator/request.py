"""A request and a response as values, so that a socket and a test lead to the same world.

A `Reply` is what a service answers; a `Response` is what goes through the door, after faults have had
their way with it (a dropped connection, a delay, a body cut short).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
FORM = "application/x-www-form-urlencoded"
UNPACKED_BYTES_MOST = 16 * 1024 * 1024

_WINDOW_BITS = {"gzip": 31, "deflate": 15}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is still percent-encoded, header names are lower case, `query` keeps repeated names. `peer`: the address it
    comes from; "" within a process."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    @classmethod
    def to(
        cls, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """A request for a target such as "/api/0/x/?field=a&field=b", or for a whole URL."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(method.upper(), parts.path, query, lowered, body)

    @property
    def bearer(self) -> str | None:
        """The bearer token, None where there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    def json(self) -> Any:
        """The body as JSON, None where it is empty. Raises ValueError for anything else."""
        try:
            return json.loads(self.body) if self.body.strip() else None
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def unpacked(self) -> bytes:
        """The body as it was before it was compressed.

        Raises ValueError where it is compressed in another way than gzip or deflate, is damaged, or grows
        beyond UNPACKED_BYTES_MOST.
        """
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding == "identity":
            return self.body
        if encoding not in _WINDOW_BITS:
            raise ValueError(f"content-encoding {encoding!r} is not known")
        stream = zlib.decompressobj(_WINDOW_BITS[encoding])
        try:
            plain = stream.decompress(self.body, UNPACKED_BYTES_MOST)
        except zlib.error:
            raise ValueError(f"the body is not {encoding}") from None
        if not stream.eof:
            raise ValueError("the body is cut short, or too large")
        return plain

    def form(self) -> dict[str, str]:
        """The body as a form; the last of repeated names wins."""
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answers: a JSON document, or text, or bytes that are neither, or (all None) no body.

    `applied` tells whether a write changed anything; None for reads. `delay_seconds` is real time.
    """

    status: int = 200
    document: Any = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    applied: bool | None = None
    delay_seconds: float = 0.0
    content: bytes | None = None

    def body(self) -> bytes:
        if self.content is not None:
            return self.content
        if self.text is not None:
            return self.text.encode()
        return b"" if self.document is None else json.dumps(self.document, separators=(",", ":")).encode()

    def content_type(self) -> str:
        return HTML if self.text is not None else JSON


@dataclass(frozen=True, slots=True)
class Response:
    """What goes through the door. `drop`: close the connection without a word; `broken`: what the line did, in a
    fault's word.

    `delay_seconds` is real time to wait before answering. Where `content-length` is longer than the body,
    the body is cut short and the connection closes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    drop: bool = False
    delay_seconds: float = 0.0
    broken: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Response:
        body = reply.body()
        headers = {"content-type": reply.content_type(), "content-length": str(len(body))}
        return cls(reply.status, {**headers, **reply.headers}, body, delay_seconds=reply.delay_seconds)
