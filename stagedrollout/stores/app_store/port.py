"""Read, raise and pause on the App Store: what is done, in which order, and what its answer is worth.

- Apple takes any write, whatever it was decided on. So the store is read right before, and nothing is sent unless
  it still is what was decided on; what happens between that look and the write cannot be fenced.
- A write is never repeated on a guess. Whatever was answered, the store is read, and only that is believed.
- Nothing is ever released without a phased release that has been read back.
- A pause goes out whatever else the store shows, even when its list cannot be read any more.
"""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core.errors import Denied, EdgeError, Rejected, Throttled, WrongConfiguration
from stagedrollout.core.model import Change, Outcome, ReleaseStatus, Settlement, StoreState, Unread, Verb
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.stores.app_store.availability import sold_nowhere
from stagedrollout.stores.app_store.client import AppStoreClient, Write
from stagedrollout.stores.app_store.documents import Absence, Phased, Version
from stagedrollout.stores.app_store.errors import SERVICE, Refused, Said
from stagedrollout.stores.app_store.reading import read_versions
from stagedrollout.stores.app_store.versions import (
    APPROVED,
    OUT,
    PAUSED,
    REMOVED,
    REPLACED,
    Shelf,
    described,
    shelf_of,
    standing_of,
    with_days,
)
from stagedrollout.stores.app_store.writes import (
    FINAL,
    FIRST,
    TARGET,
    as_wished,
    objection,
    to_phase,
    to_release,
    to_state,
    unstoppable,
)

REMEMBERED_MAX = 32
"""Phased releases whose ids are kept from earlier looks."""


def _unasked() -> None:
    """The clearance of a pause, which waits for nobody."""


class AppStore:
    """The phased releases of one iOS app. Satisfies StorePort; `client` is shared by all apps of an account.

    `app_id` is the app's number in App Store Connect. Raises WrongConfiguration for one that is no number.
    """

    fenced = False

    def __init__(self, *, app_id: str, client: AppStoreClient, clock: Clock) -> None:
        if not (app_id.isascii() and app_id.isdecimal()):
            raise WrongConfiguration(f"{app_id!r} is no Apple ID of an app; one looks like 6448311069")
        self._app_id = app_id
        self._client = client
        self._clock = clock
        self._phased_ids: dict[str, str] = {}
        self._days: dict[str, int] = {}
        self._removed: frozenset[str] = frozenset()

    def read(self) -> StoreState:
        """Look: 1 request as a rule, nothing changed. Raises EdgeError."""
        return self._look().state

    def glance(self) -> StoreState:
        """The same: looks at the App Store disturb nobody. Raises EdgeError."""
        return self.read()

    def apply(self, change: Change, seen: str, clearance: Clearance) -> Outcome:
        """Raise if the versions still have the fingerprint `seen`, and read back: 3 requests, to start up to 5.

        Raises EdgeError only when nothing can have been applied; Preempted and LostLease from `clearance`.
        """
        if change.verb is Verb.RAISE:
            raise Rejected(SERVICE, "raising the share", "Apple's shares cannot be chosen")
        shelf = self._look()
        state, version = shelf.state, shelf.find(change.release_id)
        if state.fingerprint != seen:
            return Outcome(Settlement.MOVED, "the versions are no longer what was decided on", state)
        if version is not None and as_wished(version, change.verb):
            return Outcome(Settlement.ALREADY, f"it already was as wished: {described(version)}", state)
        against = objection(version, change)
        if version is None or against:
            return Outcome(Settlement.REFUSED, against, state)
        match change.verb, version.phased:
            case Verb.START, _:
                return self._start(version, clearance)
            case Verb.PREPARE, _:
                answer = self._sent(to_phase(version), clearance)
            case verb, Phased(id=phased_id):
                answer = self._sent(to_state(phased_id, TARGET[verb]), clearance)
            case _:
                return Outcome(Settlement.REFUSED, "it has no phased release", state)
        return self._settled(version.number, change.verb, answer)

    def halt(self, release_id: str) -> Outcome:
        """Pause, and read back: 3 requests. What is chosen already keeps its version; the share stops growing.

        Raises EdgeError only when nothing can have been applied.
        """
        try:
            shelf = self._look()
        except EdgeError:
            if release_id not in self._phased_ids:
                raise
            return self._paused(release_id, self._phased_ids[release_id])
        state, version = shelf.state, shelf.find(release_id)
        if version is not None and as_wished(version, Verb.HALT):
            return Outcome(Settlement.ALREADY, described(version), state)
        against = unstoppable(version) if version else ""
        shown = version.phased.id if version and isinstance(version.phased, Phased) else ""
        phased_id = shown or self._phased_ids.get(release_id, "")
        if not phased_id:
            against = (
                against or f"version {release_id} is not in the App Store, or its phased release not shown"
            )
        if against:
            return Outcome(Settlement.REFUSED, against, state)
        return self._paused(release_id, phased_id)

    def _look(self) -> Shelf:
        found = with_days(read_versions(self._client, self._app_id), self._days)
        found = [replace(one, old_state=REMOVED) if one.id in self._removed else one for one in found]
        shelf = shelf_of(found, self._clock.now())
        self._days = {
            version.number: version.phased.day
            for version in shelf.versions
            if isinstance(version.phased, Phased) and version.phased.day is not None
        }
        ids = {
            version.number: version.phased.id
            for version in reversed(shelf.versions)
            if isinstance(version.phased, Phased) and version.state != REPLACED
        }
        self._phased_ids = _newest(self._phased_ids, ids)
        return shelf

    def _look_back(self) -> Shelf | Unread:
        """No clearance is asked any more: what became of a write matters to whoever took over."""
        try:
            return self._look()
        except EdgeError as failure:
            return Unread(str(failure), self._clock.now())

    def _start(self, version: Version, clearance: Clearance) -> Outcome:
        """Release an approved version, once it has a phased release that was read back."""
        made = version.phased is Absence.NONE
        if made:
            answer = self._sent(to_phase(version), clearance)
            shelf = self._look_back()
            prepared = shelf.find(version.number) if isinstance(shelf, Shelf) else None
            if prepared is None or not as_wished(prepared, Verb.PREPARE) or prepared.state != APPROVED:
                return _unprepared(answer, shelf, version.number)
            version = prepared
        try:
            answer = self._sent(to_release(version), clearance)
        except Throttled as throttled:
            if not made:
                raise
            answer = throttled
        return self._settled(version.number, Verb.START, answer)

    def _paused(self, release_id: str, phased_id: str) -> Outcome:
        answer = self._sent(to_state(phased_id, PAUSED), _unasked)
        if isinstance(answer, Refused) and answer.said is Said.NOT_THERE:
            # A new one instead of a change: another thread may be going through the old one.
            self._phased_ids = {
                number: known for number, known in self._phased_ids.items() if number != release_id
            }
            other = self._phased_id_now(release_id)
            if other and other != phased_id:
                answer = self._sent(to_state(other, PAUSED), _unasked)
        return self._settled(release_id, Verb.HALT, answer)

    def _phased_id_now(self, release_id: str) -> str:
        """The id that a fresh look gives for a phased release whose old one Apple no longer knows."""
        shelf = self._look_back()
        version = shelf.find(release_id) if isinstance(shelf, Shelf) else None
        return version.phased.id if version and isinstance(version.phased, Phased) else ""

    def _sent(self, write: Write, clearance: Clearance) -> EdgeError | None:
        """Send, and return the answer if it is not a plain yes: a refusal, or one that says nothing.

        Throttled is raised: nothing was applied, and it may be tried afresh.
        """
        try:
            self._client.write(write, clearance)
        except Throttled:
            raise
        except EdgeError as answer:
            return answer
        return None

    def _settled(self, number: str, verb: Verb, answer: EdgeError | None) -> Outcome:
        """Read back after a write was sent, and believe only that."""
        shelf = self._look_back()
        version = shelf.find(number) if isinstance(shelf, Shelf) else None
        if isinstance(shelf, Shelf) and version and _puzzling(answer, version) and self._is_removed():
            self._removed |= {version.id}
            shelf = shelf.with_removed(version.id)
            version = shelf.find(number)
        state = shelf.state if isinstance(shelf, Shelf) else shelf
        if version is not None and as_wished(version, verb):
            by_others = verb.brakes and answer is not None and _applied_nothing(answer)
            return Outcome(
                Settlement.ALREADY if by_others else Settlement.CONFIRMED, described(version), state
            )
        if isinstance(state, Unread) and verb.brakes and _is_so_already(answer):
            return Outcome(Settlement.ALREADY, _doubt(answer, state, version), state)
        if answer is not None and _definite(answer):
            return Outcome(Settlement.REFUSED, _refusal(answer, verb, version, shelf), state)
        if version is not None and verb in (Verb.STEP, Verb.RESUME) and _everyone(version):
            return Outcome(Settlement.CONFIRMED, described(version), state)
        return Outcome(Settlement.IN_DOUBT, _doubt(answer, state, version), state)

    def _is_removed(self) -> bool:
        """Whether the app is on sale nowhere, which the versions no longer tell (section 5)."""
        try:
            return sold_nowhere(self._client, self._app_id)
        except EdgeError:
            return False


def _puzzling(answer: EdgeError | None, version: Version) -> bool:
    """Apple calls a version not live that reads as live: so it is where the app was removed from sale (section 7)."""
    not_live = isinstance(answer, Refused) and answer.said is Said.NOT_LIVE
    status = standing_of(version).status
    return not_live and version.state == OUT and status in (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)


def _newest(before: dict[str, str], seen: dict[str, str]) -> dict[str, str]:
    """What was known and what was just seen, which comes last; the first are forgotten."""
    known = {number: known for number, known in before.items() if number not in seen} | seen
    return dict(list(known.items())[-REMEMBERED_MAX:])


def _everyone(version: Version) -> bool:
    return standing_of(version).status is ReleaseStatus.COMPLETED


def _definite(answer: EdgeError) -> bool:
    """Whether Apple said no for certain. "Already has this value" is no such no: it means yes."""
    return _applied_nothing(answer) and not _is_so_already(answer)


def _is_so_already(answer: EdgeError | None) -> bool:
    return isinstance(answer, Refused) and answer.said is Said.SAME_VALUE


def _applied_nothing(answer: EdgeError) -> bool:
    """What reads as wished all the same was not brought about by this request. It was sent once: where an answer is lost,
    nothing is sent again in the same act, so the words of a conflict never are about our own first try."""
    return isinstance(answer, (Rejected, Denied, Throttled))


def _refusal(answer: EdgeError, verb: Verb, version: Version | None, shelf: Shelf | Unread) -> str:
    """Why not, in words: what is read now says more than the words of a conflict, which may be missing."""
    said = answer.said if isinstance(answer, Refused) else Said.SOMETHING_ELSE
    status = standing_of(version).status if version else ReleaseStatus.UNKNOWN
    conflict = said in (Said.FINAL, Said.NOT_LIVE, Said.OTHER_STATE)
    if conflict and status is ReleaseStatus.WITHDRAWN and version:
        return f"{standing_of(version).word} ({answer.detail})"
    if said is Said.FINAL or (conflict and status is ReleaseStatus.COMPLETED):
        return FINAL if verb.brakes else f"it is complete already, and that is final ({answer.detail})"
    if said is Said.NOT_LIVE:
        return f"the version is not live, and its phased release cannot be changed before ({answer.detail})"
    if said is Said.NOT_THERE:
        return f"what was to be changed is not there any more; its id is looked up again ({answer.detail})"
    if verb is Verb.PREPARE and isinstance(shelf, Shelf) and shelf.is_first(version):
        return f"{FIRST} ({answer.detail})"
    return answer.detail


def _unprepared(answer: EdgeError | None, shelf: Shelf | Unread, number: str) -> Outcome:
    """What to say of a start that ended before anything was released."""
    state = shelf.state if isinstance(shelf, Shelf) else shelf
    if answer is not None and _definite(answer):
        version = shelf.find(number) if isinstance(shelf, Shelf) else None
        why = _refusal(answer, Verb.PREPARE, version, shelf)
        detail = f"nothing was released, because it can have no phased release: {why}"
        return Outcome(Settlement.REFUSED, detail, state)
    return Outcome(Settlement.IN_DOUBT, f"nothing was released; {_doubt(answer, state, None)}", state)


def _doubt(answer: EdgeError | None, state: StoreState | Unread, version: Version | None) -> str:
    sent = f"the request was answered with: {answer.detail}" if answer else "Apple accepted the request"
    if isinstance(state, Unread):
        return f"{sent}; the store cannot be read: {state.why}"
    return f"{sent}; {described(version) if version else 'it cannot be seen in the store'}"
