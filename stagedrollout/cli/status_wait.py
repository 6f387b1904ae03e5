"""`status --wait`: until the rollouts that are meant have come to a place, for scripts and CI.

The rollouts are chosen once, as the wait begins: of each store the one that is named, or the newest that is going on.
Exit codes: 0 they are there; 1 one of them cannot come there any more; 4 no daemon, or no
database; 5 the time is over.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.pulled import pulled_words, read_pulled
from stagedrollout.cli.status import OVER, check_names, look, opened
from stagedrollout.core.errors import StorageError
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine

LOOK_SECONDS = 1.0
REACHED, NO_MORE, NO_DAEMON, TIME_IS_OVER = 0, 1, 4, 5
_NOWHERE = ("waiting_for_review", "halted", "not_halted", OVER)
_WORDS = {REACHED: "reached", NO_MORE: "not_reachable", NO_DAEMON: "no_daemon", TIME_IS_OVER: "timeout"}


@dataclass(frozen=True, slots=True)
class Goal:
    """`ppm`: the exposure of a stage; 0 where a phase is meant."""

    words: str
    phase: str
    ppm: int = 0

    def reached(self, row: dict[str, Any]) -> bool:
        """At a stage, or beyond it, only while it goes on: not what was halted there, or is in review yet."""
        if self.ppm:
            return bool(row["exposure_ppm"] >= self.ppm) and row["phase"] not in _NOWHERE
        return bool(row["phase"] == self.phase)

    def why_never(self, row: dict[str, Any]) -> str:
        """Why it cannot come there any more by itself; "" while it may. A halt is undone only by a person."""
        phase = row["phase"]
        if phase == OVER:
            return "a newer release has taken its place"
        if self.phase != "halted" and phase in ("halted", "not_halted"):
            return f"it is {phase.replace('_', ' ').upper()}, and only a person can resume it"
        return ""


@dataclass(frozen=True, slots=True)
class Wait:
    """What is waited for in which database; `named`: app, store and release, as typed."""

    engine: Engine
    config: Path
    named: dict[str, str]
    as_json: bool

    def look(self) -> dict[str, Any]:
        """With what people have pulled beside the configuration, which may keep it from ever coming there."""
        return look(self.engine, **self.named, everything=True) | read_pulled(self.config)


@dataclass(frozen=True, slots=True)
class End:
    """How a wait ended: the exit code, why, and the look that it was found in."""

    code: int
    why: str
    document: dict[str, Any]


def wait_for(config: Path, named: dict[str, str], goal: str, timeout: str, *, as_json: bool) -> int:
    """The exit code. Raises click.UsageError, StorageError where the database cannot be read at first."""
    if not named["app"]:
        raise click.UsageError("--wait needs an APP")
    ends = _ends(timeout)
    try:
        engine = opened(config)
    except StorageError as error:  # exit code 1 would say that it never comes there
        click.echo(f"stagedrollout: {error}", err=True)
        return NO_DAEMON
    check_names(engine, config, **named)
    wait = Wait(engine, config, named, as_json=as_json)
    meant = _meant(wait.look()["rollouts"])
    if not meant:
        raise click.UsageError(f"{named['app']} has no rollout that could be waited for")
    wanted = _goal(goal, wait, meant)
    end = _waited(wait, wanted, meant, ends)
    _tell(end, wanted, meant, as_json=as_json)
    return end.code


def _ends(timeout: str) -> float | None:
    from stagedrollout.cli.ordering import span  # noqa: PLC0415

    return time.monotonic() + span(timeout, "--timeout").total_seconds() if timeout else None


def _goal(written: str, wait: Wait, meant: dict[str, dict[str, Any]]) -> Goal:
    from stagedrollout.cli.naming import unknown  # noqa: PLC0415
    from stagedrollout.core.units import percent_text, percentage, ppm_from_percent  # noqa: PLC0415

    if written in ("completed", "halted"):
        return Goal(written, written)
    word, _, share = written.partition("=")
    if word != "stage" or not share:
        raise unknown("goal for --wait", written, ("completed", "halted", "stage=20"))
    try:
        ppm = ppm_from_percent(percentage(share))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--wait") from None
    stages = _stages(wait, meant)
    if not ppm or ppm not in stages:
        there = ", ".join(percent_text(stage) for stage in sorted(stages))
        near = percent_text(min(stages, key=lambda stage: abs(stage - ppm)))
        raise click.UsageError(f"no stage of {percent_text(ppm)}; the nearest is {near}, of {there}")
    return Goal(f"at {percent_text(ppm)}", "", ppm)


def _stages(wait: Wait, meant: dict[str, dict[str, Any]]) -> set[int]:
    """Every share that the schedule stops at, on one of the stores that are meant: by the policy that steers it, which
    need not be the app's own."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.phasing import SHARES_PPM  # noqa: PLC0415
    from stagedrollout.core.units import PPM_ALL  # noqa: PLC0415

    loaded = load(wait.config, environ=os.environ)
    found = {PPM_ALL}
    for row in meant.values():
        if row["store"] == "app_store":
            found |= set(SHARES_PPM)
        elif policy := loaded.policies.get(_policy_of(wait, row)):
            found |= {stage.exposure_ppm for stage in policy.stages}
    return found


def _policy_of(wait: Wait, row: dict[str, Any]) -> str:
    from stagedrollout.core import facts  # noqa: PLC0415
    from stagedrollout.core.fold import fold  # noqa: PLC0415
    from stagedrollout.core.model import RolloutKey  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415

    key = RolloutKey.parse(_key(row))
    told = tuple((facts.read(each.entry), each.entry.at) for each in Journal(wait.engine).history(key))
    rollout = fold(key, told)
    return rollout.policy if rollout else ""


def _meant(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each store the newest row that is not over; where all are over, the newest of them."""
    chosen: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=_likely):
        chosen[row["store"]] = row
    return {_key(row): row for row in chosen.values()}


def _likely(row: dict[str, Any]) -> tuple[bool, bool, bool, int]:
    """What goes on before what only waits to be started, before what is complete, before what is over."""
    phase = row["phase"]
    return phase != OVER, phase != "completed", phase != "waiting", row["seq"]


def _key(row: dict[str, Any]) -> str:
    return f"{row['app']}/{row['store']}/{row['release_id']}"


def _rows(document: dict[str, Any], meant: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in document.get("rollouts", ()) if _key(row) in meant]


def _waited(wait: Wait, goal: Goal, meant: dict[str, dict[str, Any]], ends: float | None) -> End:
    told, document = "", dict[str, Any]()
    while True:
        try:
            document = wait.look()
        except StorageError as error:
            told = _progress(f"{error}; trying on", told, as_json=wait.as_json)
        code, why = _judged(goal, _rows(document, meant), document) if document else (None, "")
        if code is not None:
            return End(code, why, document)
        if ends is not None and time.monotonic() >= ends:
            return End(TIME_IS_OVER, "the time is over", document)
        if document:
            told = _progress(_stand(document, meant), told, as_json=wait.as_json)
        time.sleep(LOOK_SECONDS if ends is None else max(0.0, min(LOOK_SECONDS, ends - time.monotonic())))


def _judged(goal: Goal, rows: list[dict[str, Any]], document: dict[str, Any]) -> tuple[int | None, str]:
    if rows and all(goal.reached(row) for row in rows):
        return REACHED, ""
    for row in rows:
        if not goal.reached(row) and (never := goal.why_never(row)):
            return NO_MORE, f"{row['store']}: {never}"
    if not document["daemon"]["running"]:
        from stagedrollout.cli.freshness import no_daemon  # noqa: PLC0415

        return NO_DAEMON, no_daemon(document)
    return None, ""


def _stand(document: dict[str, Any], meant: dict[str, dict[str, Any]]) -> str:
    rows = _rows(document, meant)
    return "; ".join([*pulled_words(document), _places(rows)])


def _places(rows: list[dict[str, Any]]) -> str:
    from stagedrollout.core.units import percent_text  # noqa: PLC0415

    return "; ".join(
        f"{row['store']} {row['release']} {row['phase'].replace('_', ' ')} at {percent_text(row['exposure_ppm'])}:"
        f" {row['reason']}"
        for row in rows
    )


def _progress(words: str, told: str, *, as_json: bool) -> str:
    """One line on stderr whenever it is another one."""
    if words != told and not as_json:
        click.echo(one_line(words), err=True)
    return words


def _tell(end: End, goal: Goal, meant: dict[str, dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        told = {
            "goal": goal.words,
            "result": _WORDS[end.code],
            "why": end.why,
            "as_of": end.document.get("as_of"),
        }
        pulled = {name: end.document.get(name) for name in ("line", "line_stopped", "halts_waiting")}
        click.echo(json.dumps({**told, **pulled, "rollouts": _rows(end.document, meant)}, indent=2))
        return
    stand = _stand(end.document, meant)
    words = f"{goal.words}: {stand}" if end.code == REACHED else f"not {goal.words}: {end.why} ({stand})"
    click.echo(one_line(words), err=end.code != REACHED)
