"""What a daemon writes to standard error: everything goes through the one redactor (promise S2)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from stagedrollout.core.redaction import Redactor

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class RedactedFormatter(logging.Formatter):
    """Message, arguments and traceback alike: what leaves is the finished line without secrets."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(FORM)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


def log_to_stderr(level: int, secrets: Iterable[str] = ()) -> None:
    """From `level` on; `secrets` appear in no form. Libraries speak only of what is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactedFormatter(Redactor.of(secrets)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("googleapiclient").setLevel(logging.ERROR)
