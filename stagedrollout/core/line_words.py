"""What people are told of a stopped line: once for the whole line, in the first journal that has it, and aloud."""

from __future__ import annotations

from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.telling import Telling


def of_stopped(fact: LineStopped, told: Telling) -> tuple[Notice, ...]:
    until = f"until {fact.until:%Y-%m-%d %H:%M} UTC" if fact.until else "until somebody thaws it"
    headline = f"THE LINE IS STOPPED by {fact.actor}: nothing of any app is raised, {until}"
    means = Fact("Meanwhile", "halts go on; on the App Store what is rolling out is paused")
    how = Fact("To let it go on", 'stagedrollout thaw --reason "..."')
    return (
        _once(
            told,
            f"line/{fact.id}/stopped",
            NoticeKind.HELD,
            headline,
            Fact("Reason", fact.reason),
            means,
            how,
        ),
    )


def of_freed(fact: LineFreed, told: Telling) -> tuple[Notice, ...]:
    headline = f"The line is free again, by {fact.actor}"
    means = Fact("From here on", "each raise needs its evidence afresh; nothing is raised by this alone")
    reason = Fact("Reason", fact.reason)
    return (_once(told, f"line/{fact.id}/freed", NoticeKind.RESUMED, headline, reason, means),)


def _once(told: Telling, key: str, kind: NoticeKind, headline: str, *facts: Fact) -> Notice:
    """The key names no rollout: whichever journal has it first tells it, and the outbox takes it once."""
    footer = f"all apps | {told.at:%Y-%m-%d %H:%M:%S} UTC"
    return Notice(key, kind, broadcast=True, headline=headline, facts=facts, footer=footer)
