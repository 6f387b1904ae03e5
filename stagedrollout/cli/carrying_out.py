"""What the people of a story order, given as they would give it: left in the database, or pressed in Slack.

The emulator hands an order out when its time has come and lets its clock stand until it is said to be done. So nothing
of it depends on how fast this machine is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.ordering import as_it_stands, new_command

if TYPE_CHECKING:
    from stagedrollout.http.client import HttpClient
    from stagedrollout.storage.commands import CommandBox
    from stagedrollout.storage.engine import Engine

_ORDERS = "/_emulator/orders"
LOOKS_MAX = 600
"""How often an answer is looked for, with a look's pause each: as long as the command line waits, and the clock stands."""


@dataclass(slots=True)
class _UnderWay:
    """`command`: its id in the database; `looks`: how often its answer was looked for."""

    number: int
    command: str
    looks: int = 0


class TeamAtWork:
    """Gives the story's orders one after the other. `step` never waits."""

    def __init__(self, http: HttpClient, engine: Engine) -> None:
        from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415

        self._http = http
        self._engine = engine
        self._box: CommandBox = CommandBox(engine)
        self._under_way: _UnderWay | None = None
        self._waiting: list[dict[str, Any]] = self._ask({})
        """Asked once before the daemon begins: from then on the clock waits for these people."""

    def step(self) -> None:
        """Give the next order that is due, or look what has become of the one that was given. Raises EdgeError and
        StorageError."""
        if self._under_way is None:
            self._waiting = self._waiting or self._ask({})
        elif self._answered(self._under_way):
            self._waiting = self._ask({"done": self._under_way.number})
            self._under_way = None
        if self._under_way is None and self._waiting:
            self._under_way = self._give(self._waiting[0])

    def _ask(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        orders: list[dict[str, Any]] = self._http.post_json("hearing its people", _ORDERS, said).body[
            "orders"
        ]
        return orders

    def _give(self, order: dict[str, Any]) -> _UnderWay:
        """As the command line leaves it, in the name of the account whose order it is."""
        from stagedrollout.core.model import Actor, ActorKind, Store  # noqa: PLC0415

        app, store = order["app"], Store(order["store"])
        terms = {"policy": order["policy"], "hold_for": _seconds(order["for_seconds"])}
        command = new_command(
            order["verb"],
            app,
            store,
            release=order["release"],
            reason=order["reason"],
            to=str(order["to_percent"] or ""),
            expected=as_it_stands(self._engine, app, store),
            **terms,
        )
        self._box.put(replace(command, actor=Actor(ActorKind.HUMAN, order["account"])))
        return _UnderWay(order["number"], command.id)

    def _answered(self, given: _UnderWay) -> bool:
        """Whether the daemon has said what it made of it; it may have to wait for the store, and the clock, then."""
        row = self._box.find(given.command)
        if row is None or row.finished_at or row.answer:
            return True
        given.looks += 1
        if given.looks > LOOKS_MAX:
            raise click.ClickException(
                f"nobody has answered the order to {row.command.verb.value}: see the log"
            )
        return False


def _seconds(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds}s"
