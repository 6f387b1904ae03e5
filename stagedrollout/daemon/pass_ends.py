"""How a pass has ended: when its store app is due again, before anything else, and then who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.app_pass import AppPass
from stagedrollout.daemon.reach import LOOK_AGAIN, service_of
from stagedrollout.daemon.troubles import unexpected, words
from stagedrollout.daemon.works import Works

log = logging.getLogger(__name__)

AFTER_TROUBLE = timedelta(minutes=1)
"""When a store app whose pass broke off is looked at again."""

MakeDue = Callable[[StoreApp, datetime], None]


def pass_ended(
    works: Works, app: StoreApp, outcome: Future[AppPass], begun: datetime, make_due: MakeDue
) -> None:
    """It is due again also where a mistake of ours keeps from knowing when: an app that is never due is never halted. `begun`:
    when its pass was set in motion."""
    now, due = begun, begun + AFTER_TROUBLE
    try:
        if error := outcome.exception():
            log.error("the pass over %s broke off: %s", app, words(error), exc_info=unexpected(error))
        now = works.clock.now()
        due = _due(works, app, outcome, now)
    finally:
        make_due(app, due)
    if works.leases.holds(app):  # else how it fares is told by whoever holds it
        _tell(works, app, outcome, now, due)


def _due(works: Works, app: StoreApp, outcome: Future[AppPass], now: datetime) -> datetime:
    if outcome.exception() is not None:
        return now + AFTER_TROUBLE
    due = works.pace.due(works.listings[app], now, outcome.result().due)
    if works.leases.shared and works.reach.doubts(service_of(str(app))):
        return min(due, now + LOOK_AGAIN)  # whether another replica has to take it shows soon
    return due


def _tell(works: Works, app: StoreApp, outcome: Future[AppPass], now: datetime, due: datetime) -> None:
    error = outcome.exception()
    problem = outcome.result().problem if error is None else words(error)
    if error is None:
        works.report.passed(app, due, problem)
    else:
        works.report.broke_off(app, due, error, problem)
    try:
        works.presence.pass_finished(app, now, next_due=due, problem=problem)
    except StorageError as failure:
        log.warning("the pass over %s cannot be noted: %s", app, failure)
