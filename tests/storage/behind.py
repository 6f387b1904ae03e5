"""A hand that changes a database behind the daemon's back, whichever kind it is."""

from __future__ import annotations

import sqlite3
from typing import Any

from stagedrollout.http.database import SQLITE, server_of


class Refused(Exception):
    """The database did not take it."""


class Behind:
    """`?` stands for a value, as SQLite writes it."""

    def __init__(self, url: str) -> None:
        self._connection: Any
        if url.startswith(SQLITE):
            self._connection = sqlite3.connect(url.removeprefix(SQLITE), isolation_level=None)
            self._mark, self._errors = "?", sqlite3.Error
            return
        import psycopg  # noqa: PLC0415 - where there is no server there need be no driver

        self._connection = psycopg.connect(server_of(url).address, autocommit=True)
        self._mark, self._errors = "%s", psycopg.Error

    def __call__(self, sql: str, *values: object) -> None:
        """Changes exactly one row. Raises Refused."""
        assert self._run(sql, *values).rowcount == 1

    def value(self, sql: str, *values: object) -> Any:
        (found,) = self._run(sql, *values).fetchone()
        return found

    def does(self, sql: str) -> None:
        self._run(sql)

    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, *values: object) -> Any:
        try:
            return self._connection.execute(sql.replace("?", self._mark), values)
        except self._errors as error:
            raise Refused(str(error)) from error
