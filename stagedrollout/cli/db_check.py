"""What `db check` looks at, one finding each: the file, the schema, the chains, the mark, and what waits beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.spool import read_spool, spool_file
from stagedrollout.storage.backup import damage
from stagedrollout.storage.engine import Engine, open_readonly
from stagedrollout.storage.highwater import beside, doubt_of, read_mark
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import HEAD, check
from stagedrollout.storage.verifying import verify


@dataclass(frozen=True, slots=True)
class Finding:
    about: str
    said: str
    well: bool = True


def findings(database: Path) -> tuple[Finding, ...]:
    """Everything that can still be looked at: a damaged file ends it, a wrong schema too."""
    return tuple(_findings(database))


def _findings(database: Path) -> Iterator[Finding]:
    try:
        engine = open_readonly(f"sqlite:///{database}")
    except StorageError as error:
        yield Finding("file", str(error), well=False)
        return
    if wrong := damage(database):
        cure = "`stagedrollout db restore` puts a backup in its place"
        yield Finding("file", f"the database file is damaged ({wrong}): {cure}", well=False)
        return
    yield Finding("file", "whole, by SQLite's own check")
    try:
        check(engine)
    except StorageError as error:
        yield Finding("schema", str(error), well=False)
        return
    yield Finding("schema", f"{HEAD}, the one this version works with")
    for look in (_journal, _counts, _mark, _spool):
        try:
            yield from look(engine, database)
        except StorageError as error:
            yield Finding(look.__name__.strip("_"), str(error), well=False)


def _journal(engine: Engine, _database: Path) -> Iterator[Finding]:
    proof = verify(engine)
    if proof.sound:
        yield Finding("journal", f"{proof.entries} entries, as they were written; head {proof.head}")
    for found in proof.breaks:
        yield Finding("journal", found.words, well=False)


def _counts(engine: Engine, _database: Path) -> Iterator[Finding]:
    ledger, broken = LedgerTable(engine), 0
    for key in Journal(engine).rollout_keys():
        if seq := ledger.verify(key):
            broken += 1
            yield Finding("counts", f"{key}: seq {seq}: not as it was written", well=False)
    if not broken:
        yield Finding("counts", "as they were written")


def _spool(_engine: Engine, database: Path) -> Iterator[Finding]:
    """What waits is nothing wrong with the database, but a daemon should have written it long ago."""
    path = spool_file(database)
    try:
        kept, unreadable = read_spool(path)
    except (OSError, ValueError) as error:
        yield Finding("spool", f"{path} cannot be read: {error}", well=False)
        return
    if not kept and not unreadable:
        yield Finding("spool", "no halt waits for the journal")
    for each in kept:
        yield Finding("spool", f"{each.rollout}: a halt of {each.at:%Y-%m-%d %H:%M} UTC waits", well=False)
    if unreadable:
        yield Finding("spool", f"{len(unreadable)} lines of {path} cannot be read", well=False)


def _mark(engine: Engine, database: Path) -> Iterator[Finding]:
    doubt, mark = doubt_of(engine), None
    if doubt:
        yield Finding("high-water", doubt.words, well=False)
    elif mark := read_mark(beside(database)):
        yield Finding("high-water", f"the journal holds entry {mark.seq}, and everything up to it")
    else:
        yield Finding("high-water", "no file yet, and nothing in the journal")
