"""What the people of a story order, given as they would give it: left in the database, or pressed in Slack.

The emulator hands an order out when its time has come and lets its clock stand until it is said to be done. So nothing
of it depends on how fast this machine is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.ordering import as_it_stands, new_command

if TYPE_CHECKING:
    from stagedrollout.cli.demo import Truth
    from stagedrollout.http.client import HttpClient
    from stagedrollout.storage.commands import CommandBox
    from stagedrollout.storage.engine import Engine

_ORDERS = "/_emulator/orders"
_PRESS = "/_emulator/slack/press"
LOOKS_MAX = 600
"""How often an answer is looked for, with a look's pause each: as long as the command line waits, and the clock stands."""

PRESSES_MAX = 25
"""How often a button is looked for that is not there yet, or that no socket hears yet: each time with a look's pause."""


@dataclass(slots=True)
class _UnderWay:
    """`answered`: whether whoever gave it has heard what came of it. None: it is not given yet."""

    order: dict[str, Any]
    answered: Callable[[], bool] | None = None
    tries: int = 0
    looks: int = 0


class TeamAtWork:
    """Gives the story's orders one after the other. `step` never waits."""

    def __init__(self, http: HttpClient, engine: Engine, truth: Truth) -> None:
        from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415

        self._http = http
        self._engine = engine
        self._truth = truth
        self._box: CommandBox = CommandBox(engine)
        self._under_way: _UnderWay | None = None
        self._waiting = self._ask({})
        """Asked once before the daemon begins: from then on the clock waits for these people."""

    def step(self) -> None:
        """Give the next order that is due, or look what has become of the one that was given. Raises EdgeError and
        StorageError."""
        given = self._under_way
        if given and given.answered and self._has_answer(given, given.answered):
            self._waiting, self._under_way = self._ask({"done": given.order["number"]}), None
        elif given is None and not self._waiting:
            self._waiting = self._ask({})
        if self._under_way is None and self._waiting:
            self._under_way = _UnderWay(self._waiting[0])
        if self._under_way and self._under_way.answered is None:
            self._give(self._under_way)

    def _has_answer(self, given: _UnderWay, answered: Callable[[], bool]) -> bool:
        given.looks += 1
        if given.looks > LOOKS_MAX:
            who, verb = given.order["by"], given.order["verb"]
            raise click.ClickException(f"nobody has answered the order of {who} to {verb}: see the log")
        return answered()

    def _ask(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        heard = self._http.post_json("hearing its people", _ORDERS, said).body
        orders: list[dict[str, Any]] = heard["orders"]
        return orders

    def _give(self, given: _UnderWay) -> None:
        if given.order["via"] == "slack":
            self._press(given)
        else:
            self._leave(given)

    def _leave(self, given: _UnderWay) -> None:
        """As the command line leaves it, in the name of the account whose order it is."""
        from stagedrollout.core.model import Actor, ActorKind, Store  # noqa: PLC0415

        order = given.order
        app, store = order["app"], Store(order["store"])
        command = new_command(
            order["verb"],
            app,
            store,
            release=order["release"],
            reason=order["reason"],
            policy=order["policy"],
            hold_for="" if order["for_seconds"] is None else f"{order['for_seconds']}s",
            to=str(order["to_percent"] or ""),
            expected=as_it_stands(self._engine, app, store),
        )
        self._box.put(replace(command, actor=Actor(ActorKind.HUMAN, order["account"])))
        given.answered = lambda: self._finished(command.id)

    def _finished(self, command: str) -> bool:
        """Whether the daemon has said what it made of it; it may have to wait for the store, and the clock, then."""
        row = self._box.find(command)
        return row is None or bool(row.finished_at or row.answer)

    def _press(self, given: _UnderWay) -> None:
        """The newest button with the verb on it. Where none is there yet, or no socket is open, a person tries again."""
        from stagedrollout.core.errors import Rejected  # noqa: PLC0415

        user, label = given.order["account"], given.order["verb"].capitalize()
        heard = self._whispers(user)
        press = {"user": user, "label": label, "reason": given.order["reason"] or None}
        press = {name: said for name, said in press.items() if said is not None}
        given.tries += 1
        try:
            self._http.post_json("pressing a button", _PRESS, press)
        except Rejected as refused:
            if refused.status != HTTPStatus.CONFLICT or given.tries >= PRESSES_MAX:
                raise
            return
        given.answered = lambda: self._whispers(user) > heard

    def _whispers(self, user: str) -> int:
        """How often this person was told alone what came of a press."""
        told = self._truth.told["ledger"]
        return sum(entry["type"] == "slack_ephemeral" and entry["user"] == user for entry in told)
