"""A process that plays stories in a tree of its own and remembers what each was worth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from tests.sabotage.hunt import READY


@dataclass(frozen=True, slots=True)
class Told:
    """`faults`: what judge, replay and liveness found. `judged`: they had their say. A story that breaks off, because
    the tree does not even run, says nothing about what they notice."""

    faults: tuple[str, ...]
    judged: bool


class NotPlayable(Exception):
    """The tree cannot be run at all."""


class Player:
    """One story at a time, also when several threads ask. A process that has died is followed by the next."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[int | str, Told] = {}
        self._turn = Lock()

    def told(self, story: int | str) -> Told:
        """Raises NotPlayable."""
        with self._turn:
            if story not in self._known:
                self._known[story] = self._played(story)
            return self._known[story]

    def _played(self, story: int | str) -> Told:
        process = self._alive()
        answer = self._asked(process, story)
        if not answer:
            return Told((f"the process died of the story with code {process.wait()}",), judged=False)
        faults, judged = json.loads(answer)
        return Told(tuple(faults), judged)

    def _alive(self) -> subprocess.Popen[str]:
        """A process that has said that it is ready."""
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._begun()
            if self._process.stdout is None or self._process.stdout.readline().strip() != READY:
                raise NotPlayable(f"nothing can be played there: it ended with code {self._process.wait()}")
        return self._process

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
