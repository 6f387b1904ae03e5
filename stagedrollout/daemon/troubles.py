"""What went wrong in a piece of work, for the log and for people."""

from __future__ import annotations

from stagedrollout.core.errors import StagedRolloutError


def words(error: BaseException) -> str:
    return str(error) if isinstance(error, StagedRolloutError) else f"internal error: {type(error).__name__}"


def unexpected(error: BaseException) -> BaseException | None:
    """Our own errors say what happened; anything else is a bug and shows where."""
    return None if isinstance(error, StagedRolloutError) else error
