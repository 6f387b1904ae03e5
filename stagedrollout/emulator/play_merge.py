"""What becomes of a track when an edit is committed: omission is not deletion (google-play.md 4.3).

- a completed base that was left out stays, unless another release is completed now;
- a staged release that was left out is replaced by a higher one that goes out, else it is halted;
- halting a completed release brings the previous completed one back; with none, Play fails (E14).
"""

from __future__ import annotations

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.play_releases import (
    COMPLETED,
    HALTED,
    IN_PROGRESS,
    Raw,
    code_of,
    find,
    staged,
    with_status,
)


def merged(current: list[Raw], wanted: list[Raw], history: list[Raw]) -> list[Raw]:
    """The track after the commit. `history`: releases that were completed once, oldest first.

    Raises PlayError (E14) where nothing would be left to serve.
    """
    if not wanted:
        return current
    kept = [survivor for old in current if (survivor := _survivor(old, wanted)) is not None]
    after = [*wanted, *kept]
    if not _halts_completed(current, wanted):
        return after
    if any(old["status"] == HALTED and not staged(old) for old in current):
        raise no.internal()  # what serves now is itself a fallback
    left = [release for release in with_status(after, COMPLETED) if find(wanted, code_of(release)) is None]
    if left or with_status(wanted, COMPLETED):
        return after
    return [*after, _fallback(after, history)]


def _survivor(old: Raw, wanted: list[Raw]) -> Raw | None:
    """What remains of a release that the caller left out, or None."""
    code = code_of(old)
    if find(wanted, code) is not None:
        return None
    completed_above = any(code_of(new) > code for new in with_status(wanted, COMPLETED))
    staged_above = any(code_of(new) > code for new in with_status(wanted, IN_PROGRESS))
    match old["status"]:
        case "completed":
            return None if with_status(wanted, COMPLETED) else old
        case "inProgress":
            return None if completed_above or staged_above else {**old, "status": HALTED}
        case "halted":
            return None if completed_above or (staged_above and staged(old)) else old
        case _:
            return old


def _halts_completed(current: list[Raw], wanted: list[Raw]) -> bool:
    return any(
        release["status"] == HALTED
        and (before := find(current, code_of(release))) is not None
        and before["status"] == COMPLETED
        for release in wanted
    )


def _fallback(after: list[Raw], history: list[Raw]) -> Raw:
    for past in reversed(history):
        if find(after, code_of(past)) is None:
            return past
    raise no.internal()
