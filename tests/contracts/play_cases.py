"""Every way in which our adapters talk to Google Play, as stories in front of the emulator."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import Settlement, Store, Verb
from stagedrollout.core.units import PPM_ALL
from tests.contracts.stand import Stand
from tests.emulator.calls import PlayCaller, halted, scenario, staged
from tests.emulator.opinions_story import talking_scenario


def raised_completed_and_halted() -> Stand:
    """Published at 10:00 with 1 %; a completed release can be halted too (sections 1 and 4)."""
    stand = Stand(scenario(), hours=6)
    stand.listing().store.glance()
    stand.raised(Verb.RAISE, "5020", 50_000)
    stand.raised(Verb.RAISE, "5020", 50_000, Settlement.ALREADY)
    stand.raised(Verb.RAISE, "5030", 50_000, Settlement.REFUSED)
    stand.halted("5020")
    stand.halted("5020", Settlement.ALREADY)
    stand.raised(Verb.RESUME, "5020", 50_000)
    stand.raised(Verb.COMPLETE, "5020", PPM_ALL)
    stand.halted("5020")
    return stand


def started() -> Stand:
    stand = Stand(scenario(), hours=6)
    stand.raised(Verb.COMPLETE, "5020", PPM_ALL)
    stand.raised(Verb.START, "5030", 10_000)
    return stand


def halted_in_review() -> Stand:
    """Refused with E7, and committed so that the review is cancelled."""
    stand = Stand(scenario(), hours=2)
    stand.halted("5020")
    return stand


def halted_after_a_rejection() -> Stand:
    """Refused with E5, and committed so that a person must send it."""
    stand = Stand(scenario(), hours=2)
    stand.act("reject")
    stand.halted("5020")
    return stand


def halted_with_the_other_fraction() -> Stand:
    """Refused with E9 once (section 4.2)."""
    stand = Stand(scenario(), hours=6)
    stand.turn(halted_fraction="forbidden", halted_fraction_shown=False)
    stand.halted("5020")
    return stand


def overtaken() -> Stand:
    """The same edit twice within two seconds (section 5.2), and one that is deleted because it is stale."""
    stand = Stand(scenario(), hours=6)
    stand.turn(same_edit_within_2s=True)
    stand.raised(Verb.RAISE, "5020", 50_000)
    stand.fault("google_play", "500", "tracks.get")
    with suppress(EdgeError):
        stand.listing().store.read()
    return stand


def reviewed() -> Stand:
    """Several pages of reviews (section 7)."""
    stand = Stand(talking_scenario(), hours=26)
    for opinion in stand.listing(Store.GOOGLE_PLAY).opinions:
        opinion.read(stand.query(Store.GOOGLE_PLAY))
    return stand


def gone() -> Stand:
    """An edit that somebody else ended, told in all the ways that Play has had (E1)."""
    stand = Stand(scenario(), hours=6)
    play = PlayCaller(stand.world)
    for told in ("FAILED_PRECONDITION", "INVALID_ARGUMENT", "gone_410"):
        stand.turn(edit_deleted=told)
        edit = play.insert()
        play.insert()
        play.get(edit)
    return stand


def everything_else() -> Stand:
    """What the emulator answers though no adapter asks for it."""
    stand = Stand(scenario(), hours=30)
    play = PlayCaller(stand.world)
    edit = play.insert()
    play.call("GET", f"{play.root}/edits/{edit}")
    play.call("GET", f"{play.root}/edits/{edit}/tracks")
    play.call("GET", f"{play.root}/edits/{edit}/bundles")
    play.call("PATCH", f"{play.root}/edits/{edit}/tracks/production", {"releases": [staged(5020, 0.1)]})
    play.put(edit, halted(5020))
    play.put(edit)
    play.verb(edit, "validate")
    listed = play.call("GET", f"{play.root}/reviews?maxResults=1").document["reviews"]
    play.call("GET", f"{play.root}/reviews/{quote(listed[0]['reviewId'], safe='')}")
    play.call("DELETE", f"{play.root}/edits/{edit}")
    return stand


ALL = (
    raised_completed_and_halted,
    started,
    halted_in_review,
    halted_after_a_rejection,
    halted_with_the_other_fraction,
    overtaken,
    reviewed,
    gone,
    everything_else,
)
