"""Python loads this before anything else where PYTHONPATH names its folder: the process gets kill -9 in the middle of an
upgrade of its database, at the point whose number DIES_AT tells.

Points are, in order: before each statement that changes anything, before the commit, and after it.
"""

import os
import signal

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

_CHANGES = ("ALTER", "CREATE", "DELETE", "DROP", "INSERT", "UPDATE")


class Points:
    def __init__(self, last: int) -> None:
        self._left = last
        self._changed = False

    def statement(self, _conn, _cursor, statement: str, *_more) -> None:
        if statement.lstrip().upper().startswith(_CHANGES):
            self._changed = True
            self._point()

    def commit(self, _conn) -> None:
        if self._changed:
            self._point()

    def committed(self, *_connection) -> None:
        """Back in its pool: whatever it had to write is written."""
        if self._changed:
            self._point()
            self._changed = False

    def _point(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


points = Points(int(os.environ["DIES_AT"]))
event.listen(Engine, "before_cursor_execute", points.statement)
event.listen(Engine, "commit", points.commit)
event.listen(Pool, "checkin", points.committed)
