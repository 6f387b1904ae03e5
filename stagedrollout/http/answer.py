"""What an HTTP answer means, as pure functions: JSON or not, refused how, to be tried again when.

Everything here reads bytes that somebody else wrote; each function ends in a value or in one of our errors,
whatever those bytes are.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.http.held import HELD

WORDS_MAX = 200
"""Characters of a service's own words that are kept."""

WAIT_SECONDS_MAX = 3_600.0
"""The longest wait a service may ask for; what asks for more is asked again after an hour."""

_READ_MAX = 20_000
"""Characters of them that are looked at."""

_SECRET_LENGTH_MIN = 8
"""Anything shorter is no secret, and removing it would only garble words."""


class NotJson(ValueError):
    """The answer is no JSON that can be used; the message says why, in words for people."""


def json_value(content: bytes, depth_max: int) -> Any:
    """The JSON in `content`. Raises NotJson, also for NaN and Infinity, and for too deep a nesting."""
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise NotJson("JSON nested too deeply") from None
    except NotJson:
        raise
    except ValueError:
        raise NotJson(f"{_nature(content)} instead of JSON") from None
    if not _within_depth(value, depth_max):
        raise NotJson("JSON nested too deeply")
    return value


def words_of(content: bytes) -> str:
    """The service's own words in a refusal: `detail` if there is one, else what little can be said."""
    try:
        value = json_value(content, depth_max=8)
    except NotJson:
        nature = _nature(content)
        return content.decode("utf-8", "replace") if nature == "text" else nature
    if isinstance(value, dict) and isinstance(value.get("detail"), str):
        return str(value["detail"])
    return json.dumps(value, ensure_ascii=False)


def shortened(text: str, *, without: str = "") -> str:
    """One printable line of at most 200 characters, without the credential, its secret part, or any other secret
    of ours in whatever form: a service may repeat what it was sent, encoded."""
    text = HELD.redactor.known(text[:_READ_MAX])
    for secret in _secrets(without):
        text = text.replace(secret, "***")
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return line if len(line) <= WORDS_MAX else line[: WORDS_MAX - 1] + "…"


def without_secret(content: bytes, credential: str) -> bytes:
    """The body without the credential or its secret part: some servers repeat the request."""
    for secret in _secrets(credential):
        content = content.replace(secret.encode(), b"***")
    return content


def _secrets(credential: str) -> list[str]:
    parts = (credential, credential.rpartition(" ")[2])
    return [part for part in parts if len(part) >= _SECRET_LENGTH_MIN]


def refusal(service: str, doing: str, status: int, headers: Mapping[str, str], words: str) -> EdgeError:
    """The error an answer outside 2xx amounts to. `headers` have lower-case names."""
    detail = f"{words or 'no words'} (HTTP {status})"
    match status:
        case 429:
            return Throttled(service, doing, detail, status=status, wait_seconds=_wait_seconds(headers))
        case 401 | 403 | 407:
            return Denied(service, doing, detail, status=status)
        case _ if 300 <= status < 400:
            where = (
                f"a redirect, which is never followed: does base_url name the service itself? (HTTP {status})"
            )
            return Rejected(service, doing, where, status=status)
        case 408:
            return Faulty(service, doing, detail, status=status)
        case _ if 400 <= status < 500:
            return Rejected(service, doing, detail, status=status)
        case _:
            return Faulty(service, doing, detail, status=status)


def _wait_seconds(headers: Mapping[str, str]) -> float:
    """How long a 429 asks us to wait; 0 if it is silent. Sentry only sends -Reset (sentry.md section 7)."""
    retry_after = headers.get("retry-after", "")
    wait = _number(retry_after)
    if wait is None:
        until = date_seconds(retry_after)
        until = _number(headers.get("x-sentry-rate-limit-reset", "")) if until is None else until
        # the service's own clock, so that a wrong clock on either side does not matter
        now = date_seconds(headers.get("date", ""))
        wait = 0.0 if until is None else until - (time.time() if now is None else now)
    return min(max(wait, 0.0), WAIT_SECONDS_MAX)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def date_seconds(text: str) -> float | None:
    """An HTTP date as seconds since 1970."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


def _nature(content: bytes) -> str:
    start = content[:64].lstrip()
    if not start:
        return "an empty answer"
    return "an HTML page" if start.startswith(b"<") else "text"


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"JSON with {name}, which is no number")


def _within_depth(value: Any, depth_max: int) -> bool:
    """Whether containers nest at most `depth_max` deep. By level: recursion would fail on deep ones."""
    level = _containers([value])
    for _ in range(depth_max):
        if not level:
            return True
        level = [
            child
            for node in level
            for child in _containers(node.values() if isinstance(node, dict) else node)
        ]
    return not level


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]
