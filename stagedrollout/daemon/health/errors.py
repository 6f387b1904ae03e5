"""The daemon's own mistakes and its signs of life, to Sentry (sentry.md section 9, promise R21).

sentry-sdk is imported here and nowhere else, and only by who has a DSN. It patches nothing: no integration is
installed, so no header is added to anybody's request and no request leaves a trace behind. Its client is ours
and not the process's, so that whatever else uses the SDK keeps its own. Delivery is the SDK's background thread:
a server that hangs costs a pass or a halt nothing.

Check-ins are single signs (`ok` or `error`, each with an id of its own), not pairs around a pass: passes over
several store apps overlap, and the SDK's monitor object is not re-entrant.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stagedrollout import __version__
from stagedrollout.config.secrets import Secret
from stagedrollout.core.redaction import Redactor
from stagedrollout.daemon.health.rounds import Pace
from stagedrollout.http.held import Held

if TYPE_CHECKING:
    from sentry_sdk import Client, Scope
    from sentry_sdk.transport import Transport
    from sentry_sdk.types import Event, MonitorConfig

log = logging.getLogger(__name__)

CHECK_IN_SECONDS = 60.0
"""The least time between two check-ins (python.md section 2.7)."""

SAME_MISTAKE_SECONDS = 3_600.0
"""How long the same mistake at the same place is not told again: a pass meets it every minute."""

MISTAKES_MAX = 200
"""Places that are remembered for that."""

FLUSH_SECONDS = 2.0

_IDS = ("event_id", "check_in_id")
_MORE_KEYS = [
    *("access_token", "auth_token", "refresh_token", "id_token", "bearer", "jwt", "assertion"),
    *("client_secret", "private_key_id", "key", "pem", "p8", "dsn", "sentry_dsn", "webhook", "webhook_url"),
    *("query", "query_string", "x-sentry-auth", "x-goog-api-key", "x-slack-signature"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """Where to and how: `monitor` is a cron monitor's slug ("": no check-ins), made by the first check-in."""

    dsn: Secret
    environment: str
    monitor: str
    poll: timedelta
    transport: Transport | None = None
    """Instead of the SDK's own over the network."""


class OwnSentry:
    """No method raises. Safe from many threads; times are the monotonic clock's."""

    def __init__(
        self, ingest: Ingest, redactor: Redactor | Held, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = _client(ingest, redactor)
        self._monitor = ingest.monitor
        self._schedule = schedule(ingest.poll)
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._checked_in_at = float("-inf")
        self._told: dict[tuple[str, str], float] = {}
        self._failing = False

    def report(self, doing: str, error: BaseException) -> None:
        """A mistake of ours, with its place; the same one once an hour."""
        if self._is_news(error):
            self._send(lambda scope: _capture(scope, doing, error))

    def check_in(self, pace: Pace) -> None:
        """A sign of life, once a minute: `ok` only while every store app's pass ends in time."""
        now = self._monotonic()
        if not self._monitor or pace is Pace.STARTING or now - self._checked_in_at < CHECK_IN_SECONDS:
            return
        self._checked_in_at = now
        status = "ok" if pace is Pace.IN_TIME else "error"
        self._send(lambda _scope: self._check_in(status))

    def close(self) -> None:
        """Deliver what waits, for two seconds at most."""
        self._client.close(timeout=FLUSH_SECONDS)

    def _check_in(self, status: str) -> None:
        from sentry_sdk.crons import capture_checkin  # noqa: PLC0415

        capture_checkin(
            monitor_slug=self._monitor,
            check_in_id=uuid.uuid4().hex,
            status=status,
            monitor_config=self._schedule,
        )

    def _send(self, say: Callable[[Scope], None]) -> None:
        from sentry_sdk import new_scope  # noqa: PLC0415

        try:
            with new_scope() as scope:
                scope.set_client(self._client)
                say(scope)
        except Exception as error:  # noqa: BLE001 - telling about a pass must never be what breaks it
            if not self._failing:
                log.warning("nothing can be told to Sentry about this daemon: %s", type(error).__name__)
            self._failing = True
        else:
            self._failing = False

    def _is_news(self, error: BaseException) -> bool:
        places = traceback.extract_tb(error.__traceback__, limit=-1)
        mistake = (type(error).__qualname__, f"{places[-1].filename}:{places[-1].lineno}" if places else "")
        now = self._monotonic()
        with self._guard:
            if now - self._told.get(mistake, float("-inf")) < SAME_MISTAKE_SECONDS:
                return False
            if len(self._told) >= MISTAKES_MAX:
                self._told.clear()
            self._told[mistake] = now
            return True


def schedule(poll: timedelta) -> MonitorConfig:
    """One check-in per poll is due, and its absence an alarm before two polls are over (promise R21).

    Sentry counts in whole minutes and from the last check-in on: `value` + `checkin_margin` stays below two polls
    (at a poll of one minute: is two). As each minute brings one, it is missed as soon as that.
    """
    minutes = int(poll.total_seconds()) // 60
    return {
        "schedule": {"type": "interval", "value": minutes, "unit": "minute"},
        "timezone": "UTC",
        "checkin_margin": max(1, minutes - 1),
        "failure_issue_threshold": 1,
        "recovery_threshold": 1,
    }


def _client(ingest: Ingest, redactor: Redactor | Held) -> Client:
    from sentry_sdk import Client  # noqa: PLC0415 - a quarter of a second, for those who use it
    from sentry_sdk.scrubber import DEFAULT_DENYLIST, EventScrubber  # noqa: PLC0415

    from stagedrollout.daemon.health.ingest_line import BoundedTransport  # noqa: PLC0415

    def cleaned(event: Event, _hint: Any) -> Event:
        """Never None: check-ins come through here as well (sentry.md section 9)."""
        clean: Any = redactor.document(event)
        clean.update({name: event[name] for name in _IDS if name in event})  # type: ignore[literal-required]
        return clean  # type: ignore[no-any-return]

    def crumb(breadcrumb: Any, _hint: Any) -> Any:
        return redactor.document(breadcrumb)

    # send_default_pii is left out: not to send is the default, and to say so is deprecated (2.75).
    return Client(
        dsn=ingest.dsn.reveal(),
        release=f"stagedrollout@{__version__}",
        environment=ingest.environment,
        transport=ingest.transport or BoundedTransport,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        include_local_variables=False,
        event_scrubber=EventScrubber(recursive=True, denylist=[*DEFAULT_DENYLIST, *_MORE_KEYS]),
        trace_propagation_targets=[],
        before_send=cleaned,
        before_breadcrumb=crumb,
        enable_backpressure_handling=False,
        max_breadcrumbs=20,
        debug=False,
        spotlight=False,
    )


def _capture(scope: Scope, doing: str, error: BaseException) -> None:
    scope.set_tag("doing", doing)
    scope.capture_exception(error)
