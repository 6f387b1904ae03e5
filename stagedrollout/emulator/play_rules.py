"""What Play checks in a tracks.update, in the order of google-play.md section 10 item 4.

The real order is not documented. A check raises PlayError; the first one wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.play_releases import (
    COMPLETED,
    DRAFT,
    HALTED,
    IN_PROGRESS,
    OUTPUT_ONLY,
    STATUSES,
    Raw,
    code_of,
    find,
    in_order,
    staged,
    with_status,
)
from stagedrollout.emulator.switches import Switches

INTERNAL_TRACKS = ("internal", "qa")


@dataclass(frozen=True, slots=True)
class Wish:
    """A track as the edit has it, and what the caller wants it to become.

    `served_before`: codes of completed releases of the past, which may come back as fallback.
    """

    track: str
    current: list[Raw]
    wanted: list[Raw]
    known_codes: frozenset[int]
    served_before: frozenset[int]
    switches: Switches

    def before(self, release: Raw) -> Raw | None:
        return find(self.current, code_of(release))


def read_wish(body: Any, track: str) -> list[Raw]:
    """The releases of a Track body, roughly well-formed. Raises PlayError."""
    if not isinstance(body, dict):
        raise no.invalid("Invalid JSON payload received.")
    if body.get("track", track) != track:
        raise no.invalid("Track in the request body does not match the track in the URL.")
    releases = body.get("releases", [])
    if not isinstance(releases, list) or not all(isinstance(release, dict) for release in releases):
        raise no.invalid("Invalid value at 'track.releases'.")
    return [_tidy(release) for release in releases]


def _tidy(release: Raw) -> Raw:
    if release.get("status") not in STATUSES:
        raise no.invalid("Release status must be specified.")
    codes = release.get("versionCodes", [])
    if not isinstance(codes, list) or not all(_is_code(code) for code in codes):
        raise no.invalid("Invalid value at 'track.releases[0].version_codes'.")
    if not codes:
        raise no.invalid("Release must contain version codes.")
    fraction = release.get("userFraction")
    if "userFraction" in release and (isinstance(fraction, bool) or not isinstance(fraction, int | float)):
        raise no.invalid("Invalid value at 'track.releases[0].user_fraction'.")
    known = {name: value for name, value in release.items() if name != OUTPUT_ONLY}
    return {**known, "versionCodes": [str(code) for code in codes]}


def _is_code(code: Any) -> bool:
    if isinstance(code, str):
        return code.isascii() and code.isdecimal() and len(code) < 19
    return isinstance(code, int) and not isinstance(code, bool) and code > 0


def check(wish: Wish) -> None:
    """Raises PlayError where the wish breaks a rule."""
    _check_codes(wish)
    for release in wish.wanted:
        _check_fraction(wish, release)
        _check_countries(wish, release)
    _check_counts(wish)
    for release in wish.wanted:
        _check_step(wish, release)
    _check_two_edits(wish)


def _check_codes(wish: Wish) -> None:
    codes = [int(code) for release in wish.wanted for code in release["versionCodes"]]
    unknown = [code for code in codes if code not in wish.known_codes]
    if unknown:
        raise no.codes_not_found(unknown)
    if len(codes) != len(set(codes)):
        raise no.invalid("Duplicate version codes across releases.")


def _check_fraction(wish: Wish, release: Raw) -> None:
    status, fraction = release["status"], release.get("userFraction")
    if fraction is not None and not 0 < fraction < 1:
        raise no.fraction_out_of_range(fraction)
    if status == IN_PROGRESS and fraction is None:
        raise no.fraction_rule(status, needed=True)
    if status in (COMPLETED, DRAFT) and fraction is not None:
        raise no.fraction_rule(status, needed=False)
    if status == HALTED:
        _check_halted_fraction(wish, release)


def _check_halted_fraction(wish: Wish, release: Raw) -> None:
    before = wish.before(release)
    was_staged = before is not None and (before["status"] == IN_PROGRESS or staged(before))
    has = "userFraction" in release
    rule = wish.switches.halted_fraction
    if has and (rule == "forbidden" or not was_staged):
        raise no.fraction_rule(HALTED, needed=False)
    if not has and rule == "required" and was_staged:
        raise no.fraction_rule(HALTED, needed=True)


def _check_countries(wish: Wish, release: Raw) -> None:
    staged_on_production = release["status"] == IN_PROGRESS and wish.track == "production"
    if "countryTargeting" in release and not staged_on_production:
        raise no.countries_not_allowed()


def _check_counts(wish: Wish) -> None:
    if len(with_status(wish.wanted, COMPLETED)) > 1:
        raise no.two_completed()
    if len(with_status(wish.wanted, IN_PROGRESS)) > 1:
        raise no.two_staged()


def _check_step(wish: Wish, release: Raw) -> None:
    before = wish.before(release)
    match release["status"]:
        case "inProgress":
            _check_staged(wish, release, before)
        case "completed":
            _check_upgrade(wish, release, before)
        case "halted":
            _check_halt(wish, before)
        case _:
            pass


def _check_staged(wish: Wish, release: Raw, before: Raw | None) -> None:
    if before is not None and before["status"] == COMPLETED:
        raise no.completed_not_staged()
    if not with_status(wish.current, COMPLETED) and not wish.served_before:
        raise no.first_not_staged()
    _check_upgrade(wish, release, before)
    lower = before is not None and release["userFraction"] < before.get("userFraction", 0)
    if lower and wish.switches.lowering == "refused":
        raise no.precondition()


def _check_upgrade(wish: Wish, release: Raw, before: Raw | None) -> None:
    """A release that is new to people must be higher than the one everybody has."""
    if before is not None and before["status"] != DRAFT:
        return
    code = code_of(release)
    if code in wish.served_before:
        return
    if any(code < code_of(base) for base in with_status(wish.current, COMPLETED)):
        raise no.no_upgrade()


def _check_halt(wish: Wish, before: Raw | None) -> None:
    if before is None or before["status"] == DRAFT:
        raise no.nothing_to_halt()
    if before["status"] != HALTED and wish.track in INTERNAL_TRACKS:
        raise no.precondition()


def _check_two_edits(wish: Wish) -> None:
    halts_completed = any(
        release["status"] == HALTED and (before := wish.before(release)) and before["status"] == COMPLETED
        for release in wish.wanted
    )
    if not halts_completed:
        return
    for release in with_status(wish.wanted, COMPLETED):
        if code_of(release) not in wish.served_before:
            raise no.halt_and_complete()


def settle_fields(wish: Wish, names: dict[int, str]) -> list[Raw]:
    """What Play keeps of a release when the caller leaves it out: name, priority; of a halted one its fraction
    and its countries, which cannot be taken back once it has begun (section 3)."""
    return [_settled(release, wish.before(release), names) for release in wish.wanted]


def _settled(release: Raw, before: Raw | None, names: dict[int, str]) -> Raw:
    known = before or {}
    kept = dict(release)
    kept.setdefault("name", known.get("name", names[code_of(release)]))
    if "inAppUpdatePriority" in known:
        kept.setdefault("inAppUpdatePriority", known["inAppUpdatePriority"])
    for name in ("userFraction", "countryTargeting") if kept["status"] == HALTED else ():
        if name in known:
            kept.setdefault(name, known[name])
    return in_order(kept)
