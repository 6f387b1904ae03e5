"""The SDK's own transport on a shorter leash: no redirect is followed, and hardly anything of an answer is read.

The SDK lets urllib3 follow a redirect with the DSN's key in a header that urllib3 does not know as one, and read
an answer of any size. Nothing of an answer is needed but its status and how long it asks to be left alone.
Imported only where a DSN is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentry_sdk.transport import HttpTransport

_HEADERS = ("x-sentry-rate-limits", "Retry-After")
"""As the SDK spells them."""

_LONG = re.compile(r"\d{5,}")
_AN_HOUR = "3600"
_HEADER_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the SDK looks at. The body may repeat what was sent, and is logged: there is none."""

    status: int
    headers: Mapping[str, str]
    data: bytes = b""

    def close(self) -> None:
        """It is closed already."""


class BoundedTransport(HttpTransport):
    """`_request` is the SDK's seam; a version without it is caught by the tests."""

    def _request(self, method: str, endpoint_type: Any, body: Any, headers: Mapping[str, str]) -> Any:
        answer = self._pool.request(
            method,
            self._auth.get_api_url(endpoint_type),
            body=body,
            headers=headers,
            redirect=False,
            preload_content=False,
        )
        try:
            said = {name: str(answer.headers.get(name, ""))[:_HEADER_CHARS_MAX] for name in _HEADERS}
            # asked to be silent for years, it is asked again after an hour
            told = {name: _LONG.sub(_AN_HOUR, value) for name, value in said.items()}
            return Answer(answer.status, {name: value for name, value in told.items() if value})
        finally:
            answer.close()
