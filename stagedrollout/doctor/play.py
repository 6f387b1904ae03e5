"""Google Play: what one account can see of one package, may do with it, and what our next commit would send along.

All by looking, but for one edit that is opened to read the tracks and deleted again; nothing is written into it here
(google-play.md sections 2, 3, 5 and 6). Whether the account may release cannot be seen by looking: `probe.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches

from stagedrollout.core.errors import Conflict, Denied, EdgeError
from stagedrollout.core.model import Release, ReleaseStatus
from stagedrollout.core.policy import HaltInReview, Policy
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.doctor.probe import probed
from stagedrollout.stores.google_play.edits import no_such_track, same_track
from stagedrollout.stores.google_play.errors import Refused, Said
from stagedrollout.stores.google_play.reports import PlayReporting
from stagedrollout.stores.google_play.survey import Survey, seen_apps
from stagedrollout.stores.google_play.tracks import RawTrack, Reviews, described, raw_releases, read_release

TRACKS_MAX = 8
"""Tracks whose review state is asked for; the names of others are told."""

OTHERS_NAMED = 3
SEEN_TOLD = 20
"""How many packages are named of those that an account can see."""

USERS = "Play Console > Users and permissions"
OVERVIEW = "Play Console > Publishing overview"

OTHER_CHANGES = (
    "unsent changes of other kinds (store listing, declarations, prices) are in no API, and our next commit sends them"
    " for review together with its own"
)
ADMIN = "whether the account is an Admin of the whole Console is in no API"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayCase:
    """One app on Play. `disturbed`: what an edit would get in the way of, in words. `turn`: one for all cases of a
    package, of which only one can have an edit open.

    `learned` is told the releases of the track, newest first.
    """

    tell: Telling
    survey: Survey
    reporting: PlayReporting
    policy: Policy
    probing: bool
    disturbed: Callable[[], str]
    turn: threading.Lock
    learned: Callable[[tuple[Release, ...]], None]

    @property
    def account(self) -> str:
        return self.survey.client.account or "the service account"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCase:
    """The account, asked about once for all apps. `configured`: the packages of all of them."""

    tell: Telling
    reporting: PlayReporting
    configured: frozenset[str]


def about_account(case: AccountCase) -> Iterator[Finding]:
    """What the account can do beyond need, as far as that shows (promise S4), and what no API tells."""
    try:
        seen = seen_apps(case.reporting)
    except EdgeError as error:
        said = f"which other apps the account can see is not known (reporting API): {error.detail}"
        yield case.tell.note("beyond need", said)
    else:
        yield _reach(case, seen)
    yield case.tell.note("beyond need", ADMIN, f"look in {USERS}: it needs no right of the whole account")
    yield case.tell.note("unsent", OTHER_CHANGES, f"look at {OVERVIEW} before the first raise")


def _reach(case: AccountCase, seen: tuple[str, ...]) -> Finding:
    others = [package for package in seen if package not in case.configured]
    if not others:
        return case.tell.ok("beyond need", "the account sees no app but the configured ones")
    said = f"the account sees {len(others)} more: {_named(others)}; what it may do there does not show"
    return case.tell.warning("beyond need", said, f"invite it to the configured apps only, in {USERS}")


def questions(case: PlayCase) -> Iterator[Finding]:
    """Raises EdgeError where Play fails us altogether."""
    try:
        reviews: Reviews | None = case.survey.reviews()
    except Denied as denied:
        yield refused_access(case, denied)
        return
    except Refused as no:
        if no.status != 404:
            raise
        if no.said is not Said.NO_SUCH_TRACK:
            yield _package(case, no)
            return
        reviews = None
    yield case.tell.ok("package", f"Google Play knows {case.survey.package}, and {case.account} can see it")
    yield from _tracks(case, known=reviews is not None)
    yield from _reviews_right(case)


def refused_access(case: PlayCase, denied: Denied) -> Finding:
    """A 401, a 403 (E19, E21, E26), or no token at all."""
    if "has not been used in project" in denied.detail:
        right = "switch the Google Play Android Developer API on in the Cloud project that the key is of, and wait a while"
        return case.tell.problem("access", f"the API is not enabled (E21): {denied.detail}", right)
    if denied.status == 403 and "token" not in denied.doing:
        said = f"{case.account} may not see {case.survey.package} (E19): {denied.detail}"
        right = (
            f"invite it to this app in {USERS}, with View app information and Release to production (a new grant can take"
            " a day to count); or the package is somebody else's"
        )
        return case.tell.problem("access", said, right)
    right = "the key may be deleted or of another project: make a new JSON key, or mend this machine's clock"
    return case.tell.problem("access", f"Google does not accept the key (E26): {denied.detail}", right)


def _package(case: PlayCase, no: Refused) -> Finding:
    package = case.survey.package
    said = f"Google Play knows no package {package!r} (E23): {no.detail}"
    try:
        seen = seen_apps(case.reporting)
    except EdgeError:
        right = "write the package name as the Play Console shows it below the app's name"
        return case.tell.problem("package", said, right)
    close = get_close_matches(package, seen, n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    right = f"{meant}the account can see: {', '.join(seen[:SEEN_TOLD]) or 'no app at all'}"
    return case.tell.problem("package", said, right)


def _tracks(case: PlayCase, *, known: bool) -> Iterator[Finding]:
    """`known`: whether the list of releases knows the track."""
    going_on = case.disturbed()
    if going_on:
        yield from _untouched(case, going_on)
        return
    try:
        yield from _in_edit(case, known=known)
    except Conflict:
        said = "somebody with this account opened another edit at the same moment, which ended this one"
        yield case.tell.unknown("track", said, "try again; if it is the daemon, it has lost nothing")
        return


def _in_edit(case: PlayCase, *, known: bool) -> Iterator[Finding]:
    """Raises Conflict when somebody else ends the edit."""
    with ExitStack() as stack:
        stack.enter_context(case.turn)
        try:
            edit = stack.enter_context(case.survey.edit())
        except Denied as denied:
            yield _no_edit(case, denied, known=known)
            return
        tracks = case.survey.tracks(edit)
        track = next((raw for name, raw in tracks.items() if same_track(name, case.survey.track)), None)
        yield from _track(case, track, tracks)
        yield from _unsent(case, tracks)
        if case.probing and track is not None:
            yield from probed(case.tell, case.survey, edit, track)
    if not case.probing:
        said = "whether the account may release to this track cannot be seen by looking"
        yield case.tell.note(
            "role", said, "--probe-edit finds out: it writes into an edit that it throws away"
        )


def _untouched(case: PlayCase, going_on: str) -> Iterator[Finding]:
    said = f"no edit was opened, since it would end the daemon's: {going_on}"
    yield case.tell.unknown("probe" if case.probing else "track", said, "try again in a minute")


def _no_edit(case: PlayCase, denied: Denied, *, known: bool) -> Finding:
    seen = "it can see the releases and their review, but " if known else ""
    said = f"{seen}{case.account} may not open an edit, so percentages cannot be read and nothing raised or halted"
    right = f"give it Release to production for this app in {USERS}; looking alone is not enough"
    return case.tell.problem("role", f"{said} (E19): {denied.detail}", right)


def _track(case: PlayCase, track: RawTrack | None, tracks: Mapping[str, RawTrack]) -> Iterator[Finding]:
    name = case.survey.track
    if track is None:
        close = get_close_matches(name, tracks, n=1, cutoff=0.5)
        right = f"did you mean {close[0]}?" if close else "write one of these"
        yield case.tell.problem("track", no_such_track(name, tracks), right)
        return
    releases = [read_release(one) for one in raw_releases(track) if one.get("versionCodes")]
    releases.sort(key=lambda one: int(one.release.id), reverse=True)
    case.learned(tuple(one.release for one in releases if one.status is not ReleaseStatus.DRAFT))
    if not releases:
        right = "nothing to do if a first release is still to come; it cannot be staged (E16)"
        yield case.tell.warning("track", f"the track {name} can be read, and is empty", right)
        return
    yield case.tell.ok("track", f"the track {name} can be read: {'; '.join(map(described, releases))}")


def _unsent(case: PlayCase, tracks: Mapping[str, RawTrack]) -> Iterator[Finding]:
    """What waits on any track, and what our next commit does with it (section 5.3)."""
    with_releases = [name for name, raw in tracks.items() if raw_releases(raw)]
    asked = with_releases[:TRACKS_MAX]
    states = {name: case.survey.reviews(name) for name in asked}
    own = next((found for name, found in states.items() if same_track(name, case.survey.track)), ())
    if own:
        told = ", ".join(f"{max(line.codes, default=0)} {line.word}" for line in own)
        yield case.tell.ok("review", f"the review state is visible: {told}")
    found = list(waiting(case.tell, labelled(states, tracks), case.policy.halt_in_review))
    yield from found
    if not found:
        yield case.tell.ok(
            "unsent", f"no release is unsent or in review on {', '.join(asked) or 'any track'}"
        )
    if unasked := with_releases[TRACKS_MAX:]:
        yield case.tell.note("unsent", f"not asked about: {', '.join(unasked)}")


def labelled(states: Mapping[str, Reviews], tracks: Mapping[str, RawTrack]) -> list[tuple[str, str]]:
    """Each release that is listed, as people know it, and the word of its review."""
    found = []
    for track, lines in states.items():
        names = {
            int(read.release.id): read.release.label
            for one in raw_releases(tracks[track])
            if one.get("versionCodes")
            for read in (read_release(one),)
        }
        for line in lines:
            code = max(line.codes, default=0)
            found.append((f"{names.get(code, code)} on {track}", line.word))
    return found


_IN_REVIEW = {
    HaltInReview.CANCEL_REVIEW: "a halt cancels that review, stops the release and sends everything for review again",
    HaltInReview.ASK: "a halt asks a person first, as the policy says",
}


def waiting(tell: Telling, releases: list[tuple[str, str]], policy: HaltInReview) -> Iterator[Finding]:
    """What the releases that are not out yet mean for our next commit. Pure."""
    for label, word in releases:
        match word:
            case "NOT_SENT_FOR_REVIEW":
                said = f"{label} is not sent for review: our next commit sends it along"
                yield tell.warning(
                    "unsent", said, f"send it or take it back in {OVERVIEW} before a raise is due"
                )
            case "IN_REVIEW":
                said = f"{label} is in review: until that is over our raises wait (ERROR_IF_IN_REVIEW), and {_IN_REVIEW[policy]}"
                yield tell.note("unsent", said)
            case "NOT_APPROVED":
                said = f"{label} was rejected: Play takes no raise of ours until a person has sent the changes again (E5)"
                yield tell.warning("unsent", said, f"mend it and send it in {OVERVIEW}")
            case "APPROVED_NOT_PUBLISHED":
                said = f"{label} is approved and waits for a person (managed publishing); our raises and halts may wait the same way"
                yield tell.warning(
                    "unsent", said, f"publish it in {OVERVIEW}, or switch managed publishing off"
                )


def _reviews_right(case: PlayCase) -> Iterator[Finding]:
    """Written reviews: a permission of its own, "Reply to reviews" (section 7)."""
    needed = case.policy.ratings is not None
    try:
        case.survey.written_reviews()
    except Denied as denied:
        if needed:
            said = f"the policy {case.policy.name} has a gate on ratings, and the account may not read reviews: {denied.detail}"
            yield case.tell.problem("reviews", said, f"give it Reply to reviews for this app in {USERS}")
        else:
            yield case.tell.ok("reviews", "the account may not read reviews, and the policy needs none")
        return
    if needed:
        yield case.tell.ok("reviews", "written reviews can be read")
    else:
        said = f"the account may read and answer reviews, which the policy {case.policy.name} does not need"
        yield case.tell.warning("beyond need", said, f"take Reply to reviews from it in {USERS}")


def _named(others: list[str]) -> str:
    more = len(others) - OTHERS_NAMED
    return ", ".join(others[:OTHERS_NAMED]) + (f" and {more} more" if more > 0 else "")
