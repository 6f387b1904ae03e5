"""Requests to App Store Connect: with a token that is renewed when refused, within Apple's limit, sent once.

One client speaks for all apps of an account, because they share one key and its hourly allowance (section 10). What
is left of it below a reserve belongs to looking at the state and to writing; reviews wait.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Throttled
from stagedrollout.core.ports import Clearance, Clock, Dates
from stagedrollout.http.client import HttpClient, JsonReply, Limits, Params, Transport
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.stores.app_store.errors import SERVICE, backed_off, classified
from stagedrollout.stores.app_store.tokens import ApiKey, Tokens

APPLE = "https://api.appstoreconnect.apple.com"

RESERVE = 200
"""Requests of the rolling hour that are kept for polls of the state and for writes."""

MINUTE_RESERVE = 20
"""The same of the rolling minute, where Apple counts that too (150 was seen): a halt of every app in a portfolio."""

TOKENS_MAX = 3
"""Valid tokens are sometimes refused (section 2): so many are tried before the key is believed to be bad."""

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_LIMIT_PART = re.compile(r"\s*([a-z-]+):(\d{1,9})\s*", re.ASCII)


class Write(NamedTuple):
    """What to send where; `doing` is what it is for, in words."""

    doing: str
    method: Literal["PATCH", "POST"]
    path: str
    body: Any


@dataclass(frozen=True, slots=True)
class Page:
    """Where the next page of a list is."""

    path: str
    params: Params


@dataclass(frozen=True, slots=True)
class _Allowance:
    """What Apple said is `left` of a rolling `span`, of which `kept` are not for what can wait.

    Once that span is over, what was told says nothing any more.
    """

    left: int
    limit: int | None
    told_at: datetime
    span: timedelta
    kept: int

    def shortage(self, now: datetime) -> str:
        """Why there is nothing to spare, in words; "" if there is."""
        if self.left > self.kept or now - self.told_at >= self.span:
            return ""
        of = f" of {self.limit}" if self.limit is not None else ""
        spell = "an hour" if self.span == _HOUR else "a minute"
        return (
            f"Apple allows {self.left} more requests{of} in {spell}; "
            f"the last {self.kept} are kept for the release itself"
        )


_COUNTED = (("user-hour", _HOUR, RESERVE), ("user-minute", _MINUTE, MINUTE_RESERVE))


class _TokenRefused(Denied):
    """A 401, and what time it was at Apple."""

    def __init__(self, error: EdgeError, date: str) -> None:
        super().__init__(error.service, error.doing, error.detail, status=error.status, hint=error.hint)
        self.date = date


class AppStoreClient:
    """One key at one endpoint, shared by all apps, signals and threads.

    `endpoint` "" means Apple's. `transport` replaces the network; `wall` is what tokens are dated by, in seconds
    since 1970, `steady` what they grow old by, and `clock` what the allowance is counted by. Raises WrongConfiguration for a key or an endpoint
    that cannot be used.
    """

    def __init__(  # noqa: PLR0913 - three clocks and two seams beside what the user says
        self,
        key: ApiKey,
        *,
        clock: Clock,
        endpoint: str = "",
        timeout_seconds: float = 20.0,
        transport: Transport | None = None,
        dates: Dates | None = None,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = Tokens(key, wall=wall, steady=steady)
        self._clock = clock
        self._http = HttpClient(
            Endpoint(SERVICE, endpoint or APPLE),
            authorization=lambda: f"Bearer {self._tokens.current()}",
            refused=self._refused,
            limits=Limits(timeout_seconds=timeout_seconds),
            transport=transport,
            dates=dates,
        )
        self._allowances: dict[str, _Allowance] = {}
        self._throttled = 0
        self._quiet_until: datetime | None = None

    def get(self, doing: str, path: str, params: Params = ()) -> Mapping[str, Any]:
        """GET what can wait (reviews). Raises EdgeError; Throttled unsent while there is nothing to spare."""
        shortage = self.shortage()
        if shortage:
            raise Throttled(SERVICE, doing, shortage, status=0)
        return self.look(doing, path, params)

    def look(self, doing: str, path: str, params: Params = ()) -> Mapping[str, Any]:
        """GET what a release depends on, whatever is left of the allowance. Raises EdgeError."""
        return self._document(doing, lambda: self._http.get_json(doing, path, params))

    def write(self, write: Write, clearance: Clearance) -> None:
        """Send a write. `clearance` is called right before each sending; what it raises passes through.

        Raises EdgeError; after Unreachable or Faulty it may have been applied.
        """
        send = self._http.patch_json if write.method == "PATCH" else self._http.post_json
        self._document(write.doing, lambda: send(write.doing, write.path, write.body), clearance)

    def spare(self) -> bool:
        """Whether there are requests left for what can wait."""
        return not self.shortage()

    def left(self) -> str:
        """How much of the hour Apple allows still, as it told last; "" if it never did."""
        told = self._allowances.get(_COUNTED[0][0])
        of = "" if told is None or told.limit is None else f" of {told.limit}"
        return "" if told is None else f"{told.left}{of}"

    def shortage(self) -> str:
        """Why what can wait has to wait, in words; "" if it has not."""
        now = self._clock.now()
        if self._quiet_until and now < self._quiet_until:
            return f"Apple asked us to wait until {self._quiet_until:%H:%M:%S} UTC"
        told = (allowance.shortage(now) for allowance in tuple(self._allowances.values()))
        return next((words for words in told if words), "")

    def next_page(self, document: Mapping[str, Any]) -> Page | None:
        """Where a list goes on; None at its end. Raises Faulty for a link that leads to another host."""
        links = document.get("links")
        link = links.get("next") if isinstance(links, dict) else None
        if link is None:
            return None
        base = self._http.endpoint.base_url.rstrip("/")
        if not isinstance(link, str) or not link.startswith((f"{base}/v1/", f"{base}/v2/")):
            raise Faulty(SERVICE, "reading the next page", "its link leads somewhere else", status=200)
        try:
            parts = urlsplit(link.removeprefix(base))
            self._http.endpoint.url(parts.path)
            return Page(parts.path, parse_qsl(parts.query, keep_blank_values=True))
        except ValueError:
            raise Faulty(SERVICE, "reading the next page", "its link cannot be read", status=200) from None

    def _document(
        self, doing: str, send: Callable[[], JsonReply], clearance: Clearance | None = None
    ) -> Mapping[str, Any]:
        reply = self._sent(send, clearance)
        self._note(reply.headers)
        self._throttled, self._quiet_until = 0, None
        if not isinstance(reply.body, dict):
            raise Faulty(SERVICE, doing, "the answer is no document", status=reply.status)
        return reply.body

    def _sent(self, send: Callable[[], JsonReply], clearance: Clearance | None) -> JsonReply:
        """Send with a token, and with other ones if it is refused: a 401 has applied nothing."""
        for _ in range(TOKENS_MAX - 1):
            token = self._tokens.current()
            try:
                return _once(send, clearance)
            except _TokenRefused as refused:
                date = refused.date
            self._tokens.instead_of(token, date)
        return _once(send, clearance)

    def _refused(self, doing: str, status: int, headers: Mapping[str, str], content: bytes) -> EdgeError:
        self._note(headers)
        error = classified(doing, status, headers, content)
        if isinstance(error, Throttled):
            self._throttled += 1
            error = backed_off(error, self._throttled)
            self._quiet_until = self._clock.now() + timedelta(seconds=error.wait_seconds)
        return _TokenRefused(error, headers.get("date", "")) if status == 401 else error

    def _note(self, headers: Mapping[str, str]) -> None:
        told, now = limits_of(headers.get("x-rate-limit", "")), self._clock.now()
        for name, span, kept in _COUNTED:
            left = told.get(f"{name}-rem")
            if left is not None:
                self._allowances[name] = _Allowance(left, told.get(f"{name}-lim"), now, span, kept)


def _once(send: Callable[[], JsonReply], clearance: Clearance | None) -> JsonReply:
    if clearance:
        clearance()
    return send()


def limits_of(header: str) -> dict[str, int]:
    """`X-Rate-Limit: user-hour-lim:3500;user-hour-rem:500;`, maybe on several lines; what is odd is left out."""
    parts = (_LIMIT_PART.fullmatch(part) for part in re.split("[;,]", header))
    return {part[1]: int(part[2]) for part in parts if part}
