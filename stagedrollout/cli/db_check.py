"""What `db check` looks at, one finding each: file or server, the schema, the chains, the mark, and what waits beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.spool import read_spool, spool_file
from stagedrollout.http.database import SQLITE
from stagedrollout.storage import archive
from stagedrollout.storage.archive import Archived
from stagedrollout.storage.backup import damage
from stagedrollout.storage.engine import (
    Engine,
    beside_database,
    database_file,
    is_server,
    open_readonly,
    reading,
)
from stagedrollout.storage.highwater import doubt_of, mark_file, read_mark
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import HEAD, check
from stagedrollout.storage.retired import Retired, all_retired
from stagedrollout.storage.roles import may_rewrite, serving
from stagedrollout.storage.verifying import verify


@dataclass(frozen=True, slots=True)
class Finding:
    about: str
    said: str
    well: bool = True


def findings(url: str) -> tuple[Finding, ...]:
    """Everything that can still be looked at: a damaged file ends it, a server that does not answer, a wrong schema too."""
    return tuple(_findings(url))


def _findings(url: str) -> Iterator[Finding]:
    about = "file" if url.startswith(SQLITE) else "server"
    try:
        engine = open_readonly(url)
        if is_server(engine):
            yield from _server(engine)
    except StorageError as error:
        yield Finding(about, str(error), well=False)
        return
    if (database := database_file(engine)) is not None:
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
    for look in (*((_role,) if is_server(engine) else ()), _journal, _retired, _counts, _mark, _spool):
        try:
            yield from look(engine)
        except StorageError as error:
            yield Finding(look.__name__.strip("_"), str(error), well=False)


def _server(engine: Engine) -> Iterator[Finding]:
    with reading(engine) as connection:
        told = serving(connection)
    version = f"PostgreSQL {told['server_version'].split()[0]}"
    if told["standby"] == "true":
        said = f"{version} is a standby: it may lag, and takes no writes; `database` has to name the primary"
        yield Finding("server", said, well=False)
        return
    loses = [name for name in ("fsync", "full_page_writes") if told[name] == "off"]
    if loses:
        said = (
            f"{version}, which loses what it has committed when its machine fails ({', '.join(loses)} is off)"
        )
        yield Finding("server", f"{said}: switch it on", well=False)
        return
    yield Finding("server", f"{version}; what is committed is on its disk")


def _role(engine: Engine) -> Iterator[Finding]:
    with reading(engine) as connection:
        rewrites = may_rewrite(connection)
    if rewrites:
        yield Finding(
            "role", "may also change and delete what is recorded: `stagedrollout db roles` keeps that apart"
        )
    else:
        yield Finding("role", "can add to the journal, and change and delete nothing of it")


def _journal(engine: Engine) -> Iterator[Finding]:
    proof = verify(engine)
    if proof.sound:
        yield Finding("journal", f"{proof.entries} entries, as they were written; head {proof.head}")
    for found in proof.breaks:
        yield Finding("journal", found.words, well=False)


def _retired(engine: Engine) -> Iterator[Finding]:
    """What has left the database: its archives, where they still are where they were put."""
    rows, away = all_retired(engine), list[str]()
    for each in rows:
        if (path := _archive_of(engine, each)) is None:
            away.append(each.archive)
            continue
        held = Archived(each.rollout, each.entries, each.seq, each.head)
        try:
            if archive.read(path) != held:
                yield Finding("retired", f"{path} is another archive than of {each.rollout}", well=False)
        except StorageError as error:
            yield Finding("retired", str(error), well=False)
    if rows:
        entries = sum(each.entries for each in rows)
        said = f"{len(rows)} rollouts ({entries} entries) have left the database"
        where = f"; {len(away)} archives are not here any more, the first is {away[0]}" if away else ""
        yield Finding("retired", said + where)


def _archive_of(engine: Engine, row: Retired) -> Path | None:
    """Where it was put, or beside the database as it is now."""
    database = beside_database(engine)
    beside = [archive.folder_beside(database) / row.path.name] if database else []
    return next((path for path in (row.path, *beside) if path.is_file()), None)


def _counts(engine: Engine) -> Iterator[Finding]:
    ledger, broken = LedgerTable(engine), 0
    for key in Journal(engine).rollout_keys():
        if seq := ledger.verify(key):
            broken += 1
            yield Finding("counts", f"{key}: seq {seq}: not as it was written", well=False)
    if not broken:
        yield Finding("counts", "as they were written")


def _spool(engine: Engine) -> Iterator[Finding]:
    """What waits is nothing wrong with the database, but a daemon should have written it long ago."""
    database = beside_database(engine)
    if database is None or not database.parent.is_dir():
        return  # the daemon's files are on its machine
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


def _mark(engine: Engine) -> Iterator[Finding]:
    doubt, path = doubt_of(engine), mark_file(engine)
    if doubt:
        yield Finding("high-water", doubt.words, well=False)
    elif path is None or not path.parent.is_dir():
        yield Finding("high-water", "the file is on the daemon's machine; ask there")
    elif mark := read_mark(path):
        yield Finding("high-water", f"the journal holds entry {mark.seq}, and everything up to it")
    else:
        yield Finding("high-water", "no file yet, and nothing in the journal")
