"""The tables, in types that SQLite and PostgreSQL share: BIGINT microseconds for instants, JSON as text.

The migrations make them; a test keeps both in agreement. What must not happen twice is refused here, by
the database: a second entry or revision after the same one (no chain can fork), an intent, a notice or a
command with a known key.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)


class Words(TypeDecorator[str]):
    """Text from anywhere. What no database takes (lone surrogates, NUL) is replaced rather than refused:
    a strange release name must not keep a halt from being recorded.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """The text with everything replaced that is not valid UTF-8 or is NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


metadata = MetaData()
_BEHIND = text("wanted > shown")

events = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("rollout", Words, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("prev", Words, nullable=False),
    Column("hash", Words, nullable=False),
    UniqueConstraint("rollout", "prev", name="uq_event_rollout_prev"),
    Index("ix_event_rollout_seq", "rollout", "seq"),
    Index("ix_event_rollout_kind_at", "rollout", "kind", "at_us"),
    sqlite_autoincrement=True,  # a number that was ever given is never given again
)

intents = Table(
    "intent",
    metadata,
    Column("key", Words, primary_key=True),
    Column("rollout", Words, nullable=False),
    Column("verb", Words, nullable=False),
    Column("release_id", Words, nullable=False),
    Column("exposure_ppm", Integer, nullable=False),
    Column("seen", Words, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("settlement", Words),
    Column("detail", Words, nullable=False),
    Column("settled_us", BigInteger),
    Index("ix_intent_settlement", "settlement"),
    Index("ix_intent_rollout", "rollout"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False),
    Column("rollout", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("broadcast", Boolean, nullable=False),
    Column("body", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("sent_us", BigInteger),
    Column("message_id", Words),
    Column("error", Words, nullable=False),
    UniqueConstraint("key", name="uq_outbox_key"),
    Index("ix_outbox_state_next_try", "state", "next_try_us"),
    Index("ix_outbox_rollout", "rollout"),
    sqlite_autoincrement=True,
)

errands = Table(
    "errand",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("rollout", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("error", Words, nullable=False),
    UniqueConstraint("key", "place", name="uq_errand_key_place"),
    Index("ix_errand_state_next_try", "state", "next_try_us"),
    sqlite_autoincrement=True,
)

threads = Table(
    "thread",
    metadata,
    Column("rollout", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("message_id", Words),
    Column("board", Words),
    Column("wanted", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    # of the few whose board is to be shown anew: which ones is asked at every turn
    Index("ix_thread_behind", "next_try_us", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
)

commands = Table(
    "command",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),  # the order of arrival, whatever the clocks
    Column("id", Words, nullable=False),
    Column("verb", Words, nullable=False),
    Column("app", Words, nullable=False),
    Column("store", Words, nullable=False),
    Column("release", Words, nullable=False),
    Column("policy", Words, nullable=False),
    Column("actor_kind", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("hold_for_us", BigInteger),
    Column("without_evidence", Boolean, nullable=False),
    Column("taken_us", BigInteger),
    Column("finished_us", BigInteger),
    Column("result", Words),
    Column("answer", Words, nullable=False),
    Column("known_bad", Boolean, nullable=False, server_default=false()),
    Column("supersede", Boolean, nullable=False, server_default=false()),
    Column("to_ppm", Integer),
    Column("expected", Words, nullable=False, server_default="{}"),
    Column("via", Words, nullable=False, server_default="cli"),
    UniqueConstraint("id", name="uq_command_id"),
    Index("ix_command_finished_taken", "finished_us", "taken_us"),
    sqlite_autoincrement=True,
)

rollouts = Table(
    "rollout",
    metadata,
    Column("key", Words, primary_key=True),
    Column("app", Words, nullable=False),
    Column("store", Words, nullable=False),
    Column("release_id", Words, nullable=False),
    Column("label", Words, nullable=False),
    Column("phase", Words, nullable=False),
    Column("exposure_ppm", Integer, nullable=False),
    Column("reason", Words, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("paused_us", BigInteger, nullable=False, server_default="0"),
    Column("paused_since_us", BigInteger),
    Index("ix_rollout_phase", "phase", "app", "store", "seq"),
)

buckets = Table(
    "bucket",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("rollout", Words, nullable=False),
    Column("measure", Words, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("stratum", Words, nullable=False),
    Column("read_at_us", BigInteger, nullable=False),
    Column("n_c", BigInteger, nullable=False),
    Column("k_c", BigInteger, nullable=False),  # may be above n_c: kept as it was read
    Column("n_b", BigInteger, nullable=False),
    Column("k_b", BigInteger, nullable=False),
    Column("prev", Words, nullable=False),
    Column("hash", Words, nullable=False),
    UniqueConstraint("rollout", "prev", name="uq_bucket_rollout_prev"),
    Index("ix_bucket_rollout_seq", "rollout", "seq"),
    sqlite_autoincrement=True,
)

standings = Table(
    "standing",
    metadata,
    Column("rollout", Words, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Words, nullable=False),
)

passes = Table(
    "pass",
    metadata,
    Column("app", Words, primary_key=True),
    Column("store", Words, primary_key=True),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("next_due_us", BigInteger),
    Column("problem", Words, nullable=False),
    Column("past", Words),
)

replicas = Table(
    "replica",
    metadata,
    Column("place", Words, primary_key=True),
    Column("holder", Words, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("heartbeat_us", BigInteger, nullable=False),  # by its own clock
    Column("heard_us", BigInteger, nullable=False),  # by the database's, as are the others
    Column("expires_us", BigInteger, nullable=False),
    Column("info", Words, nullable=False),
    UniqueConstraint("epoch", name="uq_replica_epoch"),
)

leases = Table(
    "lease",
    metadata,
    Column("name", Words, primary_key=True),
    Column("replica", Integer, nullable=False),  # the epoch of the one that holds it; 0: nobody does
    Column("epoch", Integer, nullable=False),
    Column("raise_after_us", BigInteger, nullable=False),
)

retired = Table(
    "retired",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rollout", Words, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("numbers", Words, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("head", Words, nullable=False),
    Column("revisions", Integer, nullable=False),
    Column("newest_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("who", Words, nullable=False),
    Column("archive", Words, nullable=False),
    Column("prev", Words, nullable=False),
    Column("hash", Words, nullable=False),
    UniqueConstraint("rollout", "seq", name="uq_retired_rollout_seq"),
    UniqueConstraint("prev", name="uq_retired_prev"),
)
