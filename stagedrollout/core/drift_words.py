"""What became of a release in the store that was not our doing, in words; or may have been, where nobody can tell."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.facts import Drift
from stagedrollout.core.model import ReleaseStatus, Store
from stagedrollout.core.units import percent_text

_UNTOLD = {
    Drift.HALTED: "it stays halted until a person resumes it",
    Drift.LOWERED: "taken as a halt by a person",
    Drift.RAISED: "that is the new floor, and the bake starts again from there",
    Drift.RESUMED: "a new monitoring run begins",
}


def by_whom(fact: facts.Drifted) -> str:
    """What it means, and where that was done: "halted in the console"."""
    return f"{fact.meaning.words}{', nobody can tell by whom' if fact.untold else ' in the console'}"


def _untold_words(fact: facts.Drifted) -> str:
    means = f"; {_UNTOLD[fact.meaning]}" if fact.meaning in _UNTOLD else ""
    return (
        f"stands elsewhere than the journal says ({fact.words}), and its lost end would tell by whom{means}"
    )


def drift_words(fact: facts.Drifted, store: Store) -> str:
    """What somebody did to the release in the store, to follow its name."""
    return _untold_words(fact) if fact.untold else _in_the_console(fact, store)


def _in_the_console(fact: facts.Drifted, store: Store) -> str:
    before, after = percent_text(fact.before.exposure_ppm), percent_text(fact.after.exposure_ppm)
    on_app_store = store is Store.APP_STORE
    match fact.meaning:
        case Drift.HALTED:
            return "was halted in the console; it stays halted until a person resumes it"
        case Drift.LOWERED:
            return f"was lowered in the console from {before} to {after}; taken as a halt by a person"
        case Drift.RAISED if fact.after.status is ReleaseStatus.COMPLETED:
            return f"was completed in the console, from {before} to 100 %"
        case Drift.RAISED:
            return f"was raised in the console from {before} to {after}; the bake starts again from there"
        case Drift.RESUMED:
            return f"was resumed in the console at {after}; a new monitoring run begins"
        case Drift.ROLLED_OUT:
            return f"goes out at {after}" if on_app_store else f"was rolled out in the console at {after}"
        case Drift.WITHDRAWN:
            return f"was {fact.after.status_word}"
        case Drift.UNKNOWN if fact.before.status is ReleaseStatus.WITHDRAWN:
            return f"reads {fact.after.status_word} though it was removed from sale; it is halted again"
        case Drift.UNKNOWN:
            return f"is in a state we do not understand ({fact.after.status_word}); nothing is raised"
