"""What crashed in a release that fails: looked up once everybody has acted, told below the halt, and never decided on.

A halt is recorded, sent and told before anything is asked here. The question is asked once, with a short deadline of
its own (listings.py); that it failed is an answer as well, written down and told in a line. What a crash of the daemon
leaves unasked is asked by the next pass, for the journal does not say that it was.
"""

from __future__ import annotations

import logging

from stagedrollout.core import facts
from stagedrollout.core.errors import EdgeError, StorageError
from stagedrollout.core.issue import NewIssues
from stagedrollout.core.model import Release, RolloutKey
from stagedrollout.core.ports import Clock, IssueSource
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.recorder import Known, Recorder

log = logging.getLogger(__name__)


def look_up_issues(recorder: Recorder, listing: Listing, key: RolloutKey, clock: Clock) -> None:
    """Ask, if this rollout wants it, and write down what came of it. What cannot be written is left to the next pass."""
    if not _wanted(recorder.remembered(key), clock) or listing.issues is None:
        return
    try:
        known = recorder.load(key)
        if not _wanted(known, clock):
            return
        found = _asked(listing.issues, known.rollout.release)
        recorder.record(known, (found,), clock.now())
    except StorageError as trouble:
        log.warning("%s: its new issues are looked up in the next pass: %s", key, trouble)


def _wanted(known: Known | None, clock: Clock) -> bool:
    return known is not None and not known.rollout.finished and known.rollout.issues_wanted(clock.now())


def _asked(source: IssueSource, release: Release) -> facts.IssuesRead:
    try:
        return facts.IssuesRead(source.read(release))
    except EdgeError as error:
        return facts.IssuesRead(NewIssues(error.service, ()), str(error))
