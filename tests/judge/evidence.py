"""The files of a run, read and not yet understood."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Record = Mapping[str, Any]


class Unreadable(Exception):
    """The evidence is missing or torn: nothing can be said about the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a run left behind, as plain lists of mappings.

    `policies` maps a policy's name to its file's content. `account` is the daemon's Google account; empty
    means that every commit that came in as a request is the daemon's. `deaths` are the virtual instants at
    which the daemon was killed, where somebody kept count (one a line in deaths.txt), `unwritten` those at which
    its database failed it, the same way (unwritten.txt), `stopped` the spans in which its process stood still ("from
    to", in stopped.txt), `slow` those in which its clocks ran slow ("from to pace", in slow.txt: at 0.98 an hour by them
    takes 73 s more), `line` those in which people had stopped the line ("from to", in line.txt),
    `direct` the halts that people gave past the daemon (direct.jsonl: from when until when that took, and what came of it). What the daemon's clock said while it was wrong is no instant of the story's: an entry of the
    journal then carries the true one beside its own, as `true_at`. `people`: the configuration's list of them, none where
    it names nobody (people.jsonl); `orders` the id, the verb and the account behind each order and what its person saw, as it was left,
    where somebody kept them (orders.jsonl).

    Of several daemons on one database: `tenures` tells whose each lease was from when on (`name`, the holder's `run`, `epoch`,
    `at`, and `raise_after`, before which nothing may be raised under it), `senders` which run sent each request, by its
    number, `lease_seconds` how long a lease is, and `nobody` the spans ("from to") in which none of them was there, and `suspended` those in which one's machine and all its
    clocks stood still, so that it could not tell for how long.
    Where their database was put back to what it was a while before, `lost` are the numbers of the journal's entries that it had
    no more; those after them follow the ones before; and `put_back` the spans in which a run knew of it, and no person had taken
    the journal as it is (`run`, `from`, `until`).

    `texts` are all texts in which none of `canaries`
    (planted secrets) may appear, by the name to call them in a finding.
    """

    ledger: Sequence[Record]
    requests: Sequence[Record]
    journal: Sequence[Record]
    notices: Sequence[Record]
    rollouts: Sequence[Record]
    policies: Mapping[str, Record]
    people: Sequence[Record] = ()
    orders: Sequence[Record] = ()
    scenario: Record = field(default_factory=dict)
    account: str = ""
    deaths: Sequence[str] = ()
    unwritten: Sequence[str] = ()
    stopped: Sequence[str] = ()
    slow: Sequence[str] = ()
    line: Sequence[str] = ()
    direct: Sequence[Record] = ()
    senders: Mapping[str, int] = field(default_factory=dict)
    tenures: Sequence[Record] = ()
    lease_seconds: float = 0.0
    nobody: Sequence[str] = ()
    suspended: Sequence[str] = ()
    lost: Sequence[int] = ()
    put_back: Sequence[Record] = ()
    canaries: Sequence[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def read(directory: Path) -> Evidence:
    """The evidence in `directory`. Raises Unreadable, naming the file and what is wrong with it."""
    canaries = _plain_lines(directory / "canaries.txt")
    return Evidence(
        ledger=_lines(directory / "ledger.jsonl"),
        requests=_lines(directory / "requests.jsonl"),
        journal=_lines(directory / "journal.jsonl"),
        notices=_lines(directory / "notices.jsonl"),
        rollouts=_rollouts(directory / "rollouts.json"),
        people=_lines(directory / "people.jsonl") if (directory / "people.jsonl").exists() else (),
        orders=_lines(directory / "orders.jsonl") if (directory / "orders.jsonl").exists() else (),
        scenario=_yaml(directory / "scenario.yaml"),
        policies={path.stem: _yaml(path) for path in sorted((directory / "policies").glob("*.yaml"))},
        deaths=_plain_lines(directory / "deaths.txt"),
        unwritten=_plain_lines(directory / "unwritten.txt"),
        stopped=_plain_lines(directory / "stopped.txt"),
        slow=_plain_lines(directory / "slow.txt"),
        line=_plain_lines(directory / "line.txt"),
        direct=_lines(directory / "direct.jsonl") if (directory / "direct.jsonl").exists() else (),
        canaries=canaries,
        texts=_texts(directory) if canaries else {},
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: {type(error).__name__}") from error


def _lines(path: Path) -> list[Record]:
    records: list[Record] = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            records.append(_object(line, f"{path.name}, line {number}"))
    return records


def _object(text: str, where: str) -> Record:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{where}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise Unreadable(f"{where}: not a JSON object")
    return value


def _rollouts(path: Path) -> list[Record]:
    rollouts = _object(_text(path), path.name).get("rollouts")
    if not isinstance(rollouts, list):
        raise Unreadable(f"{path.name}: no list of rollouts")
    return rollouts


def _yaml(path: Path) -> Record:
    try:
        value = YAML(typ="safe", pure=True).load(_text(path))
    except YAMLError as error:
        raise Unreadable(f"{path.name}: not YAML") from error
    if not isinstance(value, dict):
        raise Unreadable(f"{path.name}: not a mapping")
    return value


def _plain_lines(path: Path) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, _text(path).split("\n")))) if path.exists() else ()


def _texts(directory: Path) -> dict[str, str]:
    """Whatever lies in the directory; bytes that are no text are read as far as they are."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "canaries.txt")
    return {str(p.relative_to(directory)): p.read_bytes().decode("utf-8", "replace") for p in files}
