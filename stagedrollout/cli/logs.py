"""What a process writes to standard error: everything goes through the one redactor (promise S2)."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType

from stagedrollout.http.held import HELD

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"

LINE_CHARS_MAX = 16_384
"""Of one record with its traceback: a log must not grow by what a service answered."""

_SPEAK_OF_WRONGS_ONLY = ("apscheduler", "googleapiclient", "google", "google_auth_httplib2")
_SAY_WHAT_THEY_SEND = ("httpx", "httpcore", "urllib3", "slack_sdk", "sentry_sdk", "httplib2", "asyncio")


class RedactedFormatter(logging.Formatter):
    """Message, arguments and traceback alike: what leaves is the finished line without what is secret now."""

    def __init__(self) -> None:
        super().__init__(FORM)

    def format(self, record: logging.LogRecord) -> str:
        line = HELD.text(super().format(record))
        return line if len(line) <= LINE_CHARS_MAX else f"{line[:LINE_CHARS_MAX]}… (cut)"


def log_to_stderr(level: int) -> None:
    """From `level` on. Libraries speak only of what is wrong, warnings of Python's are logged."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactedFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _SPEAK_OF_WRONGS_ONLY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _SAY_WHAT_THEY_SEND:
        logging.getLogger(name).setLevel(logging.WARNING)


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


def _tell(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(HELD.text(text))
        sys.stderr.flush()
