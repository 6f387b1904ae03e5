"""What a run leaves behind for somebody else to judge: journal, notices and rollouts as JSON Lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagedrollout.cli.history import journal_rows
from stagedrollout.cli.status import describe, links

if TYPE_CHECKING:
    from stagedrollout.core.model import Command
    from stagedrollout.core.people import Person
    from stagedrollout.storage.engine import Engine


def export_run(
    folder: Path,
    engine: Engine,
    config: Path,
    truth: dict[str, list[dict[str, Any]]],
    people: tuple[Person, ...] = (),
) -> None:
    """Write everything into `folder`; `truth` is the emulator's ledger and its requests, `people` whom the configuration
    lists."""
    from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "ledger.jsonl", truth["ledger"])
    write_lines(folder / "requests.jsonl", truth["requests"])
    write_lines(folder / "journal.jsonl", journal_rows(Journal(engine)))
    write_lines(folder / "notices.jsonl", notice_rows(engine))
    write_lines(folder / "people.jsonl", map(person_row, people))
    write_lines(folder / "orders.jsonl", map(order_row, CommandBox(engine).everything()))
    (folder / "rollouts.json").write_text(json.dumps({"rollouts": rollouts(engine)}, indent=2) + "\n")
    shutil.copyfile(config.parent / "scenario.yaml", folder / "scenario.yaml")
    shutil.copytree(config.parent / "policies", folder / "policies", dirs_exist_ok=True)


def rollouts(engine: Engine) -> list[dict[str, Any]]:
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    statuses = Presence(engine).statuses()
    found: list[dict[str, Any]] = describe(statuses, links(engine, statuses))["rollouts"]
    return found


def notice_rows(engine: Engine) -> list[dict[str, Any]]:
    from stagedrollout.storage.outbox import OutboxTable  # noqa: PLC0415

    return [
        {
            "key": told.notice.key,
            "rollout": told.rollout,
            "kind": told.notice.kind.value,
            "broadcast": told.notice.broadcast,
            "headline": told.notice.headline,
            "state": told.state.value,
            "ts": told.message_id,
        }
        for told in OutboxTable(engine).everything()
    ]


def person_row(person: Person) -> dict[str, Any]:
    """An entry of the configuration's `people`."""
    return {
        "name": person.name,
        "os_user": person.os_user,
        "slack": person.slack,
        "groups": list(person.groups),
        "rights": [right.value for right in person.rights],
    }


def order_row(order: Command) -> dict[str, Any]:
    """Which account ordered what, and of what it saw: as it was left, whatever a journal then says of it."""
    return {
        "id": order.id,
        "verb": order.verb.value,
        "account": order.actor.name,
        "via": order.via.value,
        "app": order.app,
        "store": order.store.value,
        "release": order.release,
        "at": order.created_at.isoformat(),
        "saw": [{"release": one.release_id, "exposure_ppm": one.exposure_ppm} for one in order.expected],
    }


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
