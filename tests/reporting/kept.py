"""Histories in a database, as a daemon would have left them."""

from __future__ import annotations

from pathlib import Path

from stagedrollout.core import facts
from stagedrollout.core.ledger import Place, Revision
from stagedrollout.core.notice import Notice, NoticeKind
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from tests.reporting.histories import History


def configured(folder: Path, *histories: History) -> Path:
    """A configuration whose database keeps these histories, each with one notice that was never sent."""
    engine = open_engine(f"sqlite:///{folder / 'x.db'}")
    upgrade(engine)
    journal = Journal(engine)
    for history in histories:
        journal.record(_batch(history))
    engine.dispose()
    path = folder / "stagedrollout.yaml"
    path.write_text("database: sqlite:///x.db\napps: []\n", "utf-8")
    return path


def _batch(history: History) -> Batch:
    notice = Notice(f"{history.key}/1", NoticeKind.STARTED, True, "it begins")
    return Batch(
        history.key,
        history.start,
        entries=tuple(facts.written(fact, at) for fact, at in history.told),
        notices=(notice,),
        revisions=tuple(_revisions(history)),
    )


def _revisions(history: History) -> list[Revision]:
    buckets = history.ledger.buckets if history.ledger else {}
    return [
        Revision(measure, Place(place.start, place.stratum), tally, place.start)
        for measure, each in buckets.items()
        for place, tally in each.items()
    ]
