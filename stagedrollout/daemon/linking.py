"""A linked app's two stores: reading the other one's journals, and waking its pass when they have something to say.

Between the look at the journals that a pass decides by and the request that raises, the signals are asked, and the
other side's pass may write down that it is halted, or begins anew. So they are read again before each such request.

Neither side ever waits for the other: what is read is the journal, through the recorder, and never a store; and what
cannot be read holds raises only (promise R22).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from stagedrollout.core.case import Case, Decision
from stagedrollout.core.counterpart import may_match, of_link
from stagedrollout.core.errors import Unfounded
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.linking import Link
from stagedrollout.core.model import StoreApp
from stagedrollout.core.rules.linked import outdated
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.recorder import Known, Recorder
from stagedrollout.storage.wording import UNREADABLE

LOOK_SECONDS = 2.0
"""How long the other store's journals may keep a pass: a slow database must not add up to a late halt."""


def of_the_other(
    recorder: Recorder, listing: Listing, rollout: Rollout, learned: tuple[Fact, ...]
) -> tuple[Fact, ...]:
    """What the other store's journals bring for this rollout, of which the pass has just `learned` something. Raises
    nothing."""
    if listing.link is None:
        return of_link(rollout, None, ())
    others, unread = _others(recorder, listing.link, listing.counterpart, rollout)
    return of_link(rollout, listing.link, others, unread, learned)


def check(recorder: Recorder, listing: Listing, known: Known, case: Case, decision: Decision) -> None:
    """Before each request of a raise that was recorded as `known`. Raises Unfounded when the other store's journals have
    come to forbid it."""
    link = known.rollout.link
    for fact in of_the_other(recorder, listing, known.rollout, ()):
        link = link.knowing(fact)
    reason = outdated(case, decision, link)
    if reason:
        raise Unfounded(f"the other store's journal has changed meanwhile: {reason.text}")


def _others(
    recorder: Recorder, link: Link, app: StoreApp, rollout: Rollout
) -> tuple[tuple[Rollout, ...], str]:
    """The other store's rollouts that may be the same version, and why some of them are not among them."""
    found: list[Rollout] = []
    unread: list[str] = []
    try:
        keys = [key for key in recorder.keys(app) if may_match(link, rollout, key)]
    except UNREADABLE as trouble:
        return (), f"its journals cannot be listed: {trouble}"
    ends = time.monotonic() + LOOK_SECONDS
    for key in reversed(keys):  # the newest first: it is the one that matters most
        if time.monotonic() > ends:
            unread.append(f"reading its journals took longer than {LOOK_SECONDS:.0f} s")
            break
        try:
            found.append(recorder.load(key).rollout)
        except UNREADABLE as trouble:
            unread.append(f"the journal of {key} cannot be read: {trouble}")
    return tuple(found), "; ".join(unread)


class Bell:
    """Rung where something happens that a linked store app had better see at once; one listener hears it."""

    def __init__(self) -> None:
        self._heard: Callable[[StoreApp], None] = lambda app: None  # noqa: ARG005

    def listen(self, heard: Callable[[StoreApp], None]) -> None:
        """`heard` is called from whatever thread rings, and must return at once."""
        self._heard = heard

    def ring(self, app: StoreApp) -> None:
        self._heard(app)
