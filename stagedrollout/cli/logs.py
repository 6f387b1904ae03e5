"""What a process writes to standard error: everything goes through the one redactor (promise S2)."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType

from stagedrollout.http.held import HELD

log = logging.getLogger(__name__)

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"

LINE_CHARS_MAX = 16_384
"""Of one record with its traceback: a log must not grow by what a service answered."""

_SPEAK_OF_WRONGS_ONLY = ("apscheduler", "googleapiclient", "google", "google_auth_httplib2")
_SAY_WHAT_THEY_SEND = ("httpx", "httpcore", "urllib3", "slack_sdk", "sentry_sdk", "httplib2", "asyncio")


class LogForm(StrEnum):
    """How a record is written: as text for people, or as one JSON object a line for what collects logs."""

    TEXT = "text"
    JSON = "json"


class RedactedFormatter(logging.Formatter):
    """Message, arguments and traceback alike: what leaves is the finished line without what is secret now."""

    def __init__(self) -> None:
        super().__init__(FORM)

    def format(self, record: logging.LogRecord) -> str:
        return _cut(HELD.text(super().format(record)))


class RedactedJson(logging.Formatter):
    """The same as one JSON object in one line: `time` (UTC), `level`, `logger`, `thread`, `message`, and, where
    something broke, `trace`. Each value is redacted before it is written: JSON's escapes could hide a secret."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "thread": str(record.threadName),
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps({name: _cut(HELD.text(value)) for name, value in told.items()})


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARS_MAX else f"{text[:LINE_CHARS_MAX]}… (cut)"


_FORMATTERS = {LogForm.TEXT: RedactedFormatter, LogForm.JSON: RedactedJson}


def log_to_stderr(level: int, form: LogForm = LogForm.TEXT) -> None:
    """From `level` on. Libraries speak only of what is wrong, warnings of Python's are logged. Where lines are JSON, what
    nobody caught is one as well."""
    handler = logging.StreamHandler()
    handler.setFormatter(_FORMATTERS[form]())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _SPEAK_OF_WRONGS_ONLY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _SAY_WHAT_THEY_SEND:
        logging.getLogger(name).setLevel(logging.WARNING)
    if form is LogForm.JSON:
        sys.excepthook = _uncaught_logged
        threading.excepthook = _uncaught_in_thread_logged
        sys.unraisablehook = _unraisable_logged


def last_words_redacted() -> None:
    """Uncaught errors of the process, of its threads and of what nobody waits for: shown, but without secrets."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    _tell("".join(traceback.format_exception(kind, error, trace)))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else "?"
        _tell(f"in thread {name}: ")
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    _tell(f"{args.err_msg or 'ignored'}: ")
    _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _uncaught_logged(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    log.critical("uncaught", exc_info=(kind, error or kind(), trace))


def _uncaught_in_thread_logged(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        _uncaught_logged(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable_logged(args: sys.UnraisableHookArgs) -> None:
    log.error(
        "%s",
        args.err_msg or "ignored",
        exc_info=(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback),
    )


def _tell(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(HELD.text(text))
        sys.stderr.flush()
