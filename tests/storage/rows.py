"""The values the storage tests write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.core.events import Entry
from stagedrollout.core.ledger import Measure, Place, Revision, Tally
from stagedrollout.core.model import (
    Actor,
    ActorKind,
    Change,
    Command,
    CommandVerb,
    RolloutKey,
    Store,
    Verb,
)
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.storage.batch import Batch, OpenIntent, Summary

NOW = datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)
SHOP = RolloutKey("shop", Store.GOOGLE_PLAY, "412")
CHAT = RolloutKey("chat", Store.GOOGLE_PLAY, "77")
STANDING = Summary("5.2.0 (412)", "rolling_out", 200_000, "baking until tomorrow")


def after(**spans: float) -> datetime:
    return NOW + timedelta(**spans)


def entry(word: str = "seen", **body: Any) -> Entry:
    return Entry(word, NOW, body or {"status": "in_progress", "exposure_ppm": 50_000})


def notice(key: str, headline: str = "5.2.0 raised to 20 %") -> Notice:
    return Notice(key, NoticeKind.RAISED, False, headline, (Fact("sample", "12 000"),), "baked for 24h")


def batch(rollout: RolloutKey = SHOP, **more: Any) -> Batch:
    return Batch(rollout, NOW, **more)


def intent(key: str = "shop/1", *, epoch: int = 1) -> OpenIntent:
    return OpenIntent(key, Change(Verb.RAISE, "412", 200_000), "fingerprint", epoch)


def revision(hour: int = 0, *counts: int, measure: Measure = Measure.CRASHED, stratum: str = "") -> Revision:
    """The bucket so many hours after midnight; `counts`: n_c, k_c, n_b, k_b."""
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    place = Place(midnight + timedelta(hours=hour), stratum)
    return Revision(measure, place, Tally(*(counts or (1_000, 3, 20_000, 41))), NOW)


def order(name: str = "order-1", verb: CommandVerb = CommandVerb.ADVANCE, **more: Any) -> Command:
    said: dict[str, Any] = {"expires_at": after(hours=1), "release": "5.2.0", **more}
    return Command(
        id=name,
        verb=verb,
        app="shop",
        store=Store.GOOGLE_PLAY,
        actor=Actor(ActorKind.HUMAN, "ana"),
        reason="campaign starts",
        created_at=NOW,
        **said,
    )
