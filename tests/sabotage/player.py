"""A process that plays stories in a tree of its own and remembers what each was worth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self


class Player:
    """One story at a time, also when several threads ask. A process that has died is followed by the next."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[int | str, tuple[str, ...]] = {}
        self._turn = Lock()

    def faults(self, story: int | str) -> tuple[str, ...]:
        with self._turn:
            if story not in self._known:
                self._known[story] = self._played(story)
            return self._known[story]

    def _played(self, story: int | str) -> tuple[str, ...]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._begun()
        told = self._asked(self._process, story)
        if told:
            return tuple(json.loads(told))
        return (f"the process died of the story with code {self._process.wait()}",)

    @staticmethod
    def _asked(process: subprocess.Popen[str], story: int | str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{json.dumps(story)}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return ""
        return process.stdout.readline()

    def _begun(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.sabotage.hunt"],
            cwd=self._place,
            env={**os.environ, "PYTHONPATH": str(self._place), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
