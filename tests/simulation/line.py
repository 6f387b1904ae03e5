"""People who stop the line, and let it go on: a file beside the configuration, whether a daemon is alive or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagedrollout.core.line import Line
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.model import Actor, ActorKind
from stagedrollout.emulator.clock import iso
from stagedrollout.storage.brakes import BrakesFolder
from tests.simulation.files import by_others

KIM = Actor(ActorKind.HUMAN, "kim")


class Does(StrEnum):
    """SPOIL: the file is torn by something else. TAKE_AWAY: somebody deletes it, torn or not."""

    STOP = "stop"
    THAW = "thaw"
    SPOIL = "spoil"
    TAKE_AWAY = "take away"


@dataclass(frozen=True, slots=True)
class LineAct:
    """`until`: when a stop ends by itself; None: not before somebody thaws it."""

    at: datetime
    does: Does
    until: datetime | None = None

    def __str__(self) -> str:
        until = f" until {self.until:%m-%d %H:%M}" if self.until else ""
        return f"{self.at:%m-%d %H:%M} {self.does}{until}"


class TheLine:
    """What stands beside one configuration. `stir`: somebody may want to look at it."""

    def __init__(self, folder: BrakesFolder, stir: Callable[[], None]) -> None:
        self._folder = folder
        self._stir = stir

    def plan(self, acts: Sequence[LineAct], at: Callable[[datetime, Callable[[], None]], None]) -> None:
        for act in acts:
            at(act.at, lambda act=act: self._do(act))  # type: ignore[misc]
            if act.until:
                at(act.until, self._stir)

    def _do(self, act: LineAct) -> None:
        with by_others():
            match act.does:
                case Does.STOP:
                    name = f"stop-{act.at:%m%d%H%M%S}"
                    self._folder.write_line(Line(LineStopped(name, KIM, "an incident", act.at, act.until)))
                case Does.THAW if stopped := self._folder.line().standing(act.at):
                    self._folder.write_line(Line(stopped, LineFreed(stopped.id, KIM, "it is over", act.at)))
                case Does.SPOIL if self._folder.path.is_dir():
                    (self._folder.path / "line.json").write_text("{")
                case Does.TAKE_AWAY:
                    (self._folder.path / "line.json").unlink(missing_ok=True)
        self._stir()


def stopped_spans(acts: Sequence[LineAct], ends: datetime) -> Iterator[str]:
    """From when until when nothing may be raised, as the judge reads it."""
    begun: datetime | None = None
    until: datetime | None = None
    spoilt = False
    for act in acts:
        if begun and until and until <= act.at and not spoilt:
            yield f"{iso(begun)} {iso(until)}"
            begun = until = None
        match act.does:
            case Does.STOP:
                begun, until, spoilt = begun or act.at, act.until, False
            case Does.SPOIL if begun:
                spoilt = True
            case Does.THAW | Does.TAKE_AWAY if begun and not (spoilt and act.does is Does.THAW):
                yield f"{iso(begun)} {iso(act.at)}"
                begun, until, spoilt = None, None, False
    if begun:
        yield f"{iso(begun)} {iso(ends if spoilt or until is None else min(until, ends))}"
