"""What the emulator says when it cannot do what its user asked: a short tree of its own.

EmulatorError
├── ScenarioError    the scenario file is wrong; carries every problem with its place
├── ConfigError      a configuration could not be written where it was asked for
└── CannotAct        somebody in the console asked for what the store's state does not allow
"""

from __future__ import annotations

from dataclasses import dataclass


class EmulatorError(Exception):
    """The emulator cannot do what its user asked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class ScenarioError(EmulatorError):
    """The scenario file is wrong; `problems` has all of it at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class ConfigError(EmulatorError):
    """A configuration for the emulated services could not be written."""


class CannotAct(EmulatorError):
    """The store's present state does not allow this act in the console."""
