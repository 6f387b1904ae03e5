"""What a service account may do with an app, by what it was invited to (google-play.md section 2).

Which request a missing right to release is refused at is not known: the edit's write, its validation or its commit
(a switch).
"""

from __future__ import annotations

from collections.abc import Iterable

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.switches import Switches

_PRODUCTION = "production"


def check_looking(operation: str, switches: Switches) -> None:
    """Raises PlayError (E19) for what the account may not even ask."""
    match switches.play_account:
        case "not_invited":
            raise no.not_permitted()
        case "read_only" if operation.startswith("edits."):
            raise no.not_permitted()
    if operation.startswith("reviews.") and not switches.play_reviews_allowed:
        raise no.not_permitted()


def check_releasing(at: str, tracks: Iterable[str], switches: Switches) -> None:
    """Raises PlayError (E19) where a change of one of the tracks is not allowed and it shows `at` this request or
    showed before. Form factors have production tracks of their own."""
    steps = ("write", "validate", "commit")
    shows = steps.index(at) >= steps.index(switches.play_right_checked)
    releasing = any(track.split(":")[-1] == _PRODUCTION for track in tracks)
    if shows and releasing and switches.play_account == "testing_tracks":
        raise no.not_permitted()
