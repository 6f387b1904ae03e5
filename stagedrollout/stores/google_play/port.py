"""Read, raise and halt on Google Play: what is done, in which order, and what its answer is worth.

- Nothing is written that was not read inside the same edit; a raise only where the track still is what
  was decided on. Play drops the edit if anybody else acts in between: that is the fence.
- A commit is never repeated on a guess. After an answer that does not say what happened, the store is
  read, and only what is read there is believed.
- Raises give way to running reviews; halts do not, unless told to ask.
- Looks and raises take turns with all others about their package; a halt takes none (turns.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from stagedrollout.core.errors import (
    Conflict,
    Denied,
    EdgeError,
    Rejected,
    Throttled,
    WrongConfiguration,
)
from stagedrollout.core.model import (
    Change,
    Outcome,
    ReleaseStatus,
    Settlement,
    StoreRelease,
    StoreState,
    Unread,
)
from stagedrollout.core.policy import HaltInReview
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.stores.google_play.client import PlayClient
from stagedrollout.stores.google_play.edits import Edits, InReview, Terms
from stagedrollout.stores.google_play.errors import Refused, Said
from stagedrollout.stores.google_play.tracks import (
    RawTrack,
    Reviews,
    described,
    fingerprint,
    raw_releases,
    store_state,
)
from stagedrollout.stores.google_play.turns import Turn
from stagedrollout.stores.google_play.writes import (
    as_wished,
    found,
    halted,
    mended,
    objection,
    raised,
)

_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
_TRACK = re.compile(r"[^\s/?#%&{}]+")


def _unasked() -> None:
    """The clearance of what needs none: looking, and halting."""


class GooglePlay:
    """One track of one package. Satisfies StorePort; `client` is shared by all packages of an account.

    Raises WrongConfiguration for a package or track that no Play app can have.
    """

    fenced = True

    def __init__(
        self,
        *,
        package: str,
        track: str,
        client: PlayClient,
        clock: Clock,
        halt_in_review: HaltInReview = HaltInReview.CANCEL_REVIEW,
    ) -> None:
        if not _PACKAGE.fullmatch(package):
            raise WrongConfiguration(f"{package!r} is no package name; one looks like com.example.app")
        if not _TRACK.fullmatch(track):
            raise WrongConfiguration(f"{track!r} is no track name; one looks like production")
        self._package = package
        self._track = track
        self._client = client
        self._clock = clock
        self._halt_in_review = halt_in_review

    def read(self) -> StoreState:
        """Look: 4 requests, nothing changed. The first look of a process may show what one that died only wished, and
        says so (google-play.md section 5.2). Raises EdgeError."""
        with self._turn.patient() as in_turn:
            return self._look(self._edits(in_turn))

    def glance(self) -> StoreState:
        """Look on behalf of a halt, whoever else is talking about this package. Raises EdgeError."""
        with self._turn.at_once():
            return self._look(self._edits(_unasked))

    def apply(self, change: Change, seen: str, clearance: Clearance) -> Outcome:
        """Raise if the track still has the fingerprint `seen`, and read it back: at most 7 requests, 2 edits.

        The review is not read back: where it stands is for the next look to tell. Raises EdgeError only when
        nothing can have been applied; Preempted and LostLease from `clearance`.
        """
        with self._turn.patient() as in_turn:

            def both() -> None:
                clearance()
                in_turn()

            return self._raise(change, seen, self._edits(both), self._edits(in_turn))

    def halt(self, release_id: str) -> Outcome:
        """Halt whatever is there, running or completed, and read it back: 7 requests when all goes well.

        It takes over whatever is under way about this package. Raises EdgeError only when nothing can have been
        applied.
        """
        with self._turn.at_once():
            return self._halt(release_id, self._edits(_unasked))

    def _raise(self, change: Change, seen: str, edits: Edits, aftermath: Edits) -> Outcome:
        """`aftermath` is for what comes after the commit: it no longer asks whether we may raise."""
        edit = edits.open()
        with edits.discarded_on_failure(edit):
            raw = edits.read(edit)
            if fingerprint(raw) != seen:
                words = "the track is no longer what was decided on"
                return self._unsent(edits, edit, raw, Settlement.MOVED, words)
            release = found(raw, change.release_id)
            if as_wished(release, change):
                return self._unsent(edits, edit, raw, Settlement.ALREADY, "it already was as wished")
            if against := objection(release, change):
                return self._unsent(edits, edit, raw, Settlement.REFUSED, against)
            answer = self._raise_sent(edits, edit, raw, change)
            if answer is not None and _definite(answer):
                return self._unsent(aftermath, edit, raw, Settlement.REFUSED, answer.told)
        looked = partial(self._read_back, aftermath)
        return self._settled(looked, change.release_id, lambda release: as_wished(release, change), answer)

    def _halt(self, release_id: str, edits: Edits) -> Outcome:
        edit, raw = self._read_to_halt(edits, release_id)
        with edits.discarded_on_failure(edit):
            release = found(raw, release_id)
            if release is None or release.status is ReleaseStatus.DRAFT:
                there = "it is not on the track" if release is None else described(release)
                return self._unsent(
                    edits, edit, raw, Settlement.REFUSED, f"there is nothing to halt: {there}"
                )
            if release.status is ReleaseStatus.HALTED:
                return self._halted_before(edits, edit, raw, release_id)
            answer = self._halt_sent(edits, edit, raw, release_id)
        looked = partial(self._read_back_with_review, edits)
        outcome = self._settled(looked, release_id, lambda release: release.stopped, answer)
        if outcome.settlement is Settlement.REFUSED and edits.internal:
            return replace(outcome, detail=f"{outcome.detail}; Play has no halt on the internal track")
        return outcome

    def _read_to_halt(self, edits: Edits, release_id: str) -> tuple[str, RawTrack]:
        """An edit, and the track in it. What reads halted in the first edit of this process may be the halt that one
        that died did not commit; the next edit tells."""
        edit = edits.open()
        with edits.discarded_on_failure(edit):
            raw = edits.read(edit)
        release = found(raw, release_id)
        if release is None or release.status is not ReleaseStatus.HALTED or not self._perhaps_wished(edit):
            return edit, raw
        edits.discard(edit)
        return self._read_to_halt(edits, release_id)

    @property
    def _turn(self) -> Turn:
        return self._client.turns.of(self._package)

    def _edits(self, clearance: Clearance) -> Edits:
        return Edits(self._client, self._package, self._track, clearance)

    def _look(self, edits: Edits) -> StoreState:
        edit = edits.open()
        with edits.discarded_on_failure(edit):
            raw = edits.read(edit)
        as_of = self._clock.now()
        edits.discard(edit)
        state = store_state(raw, _reviews(edits, raw), as_of)
        return replace(state, perhaps_wished=self._perhaps_wished(edit))

    def _perhaps_wished(self, edit: str) -> bool:
        return self._client.opened_first(self._package, edit)

    def _read_back(self, edits: Edits) -> StoreState:
        """Look after a write. The edit is left to expire: nothing was written to it, and the next one ends it."""
        raw = edits.read(edits.open())
        return store_state(raw, None, self._clock.now())

    def _read_back_with_review(self, edits: Edits) -> StoreState:
        raw = edits.read(edits.open())
        as_of = self._clock.now()
        return store_state(raw, _reviews(edits, raw), as_of)

    def _unsent(self, edits: Edits, edit: str, raw: RawTrack, settlement: Settlement, detail: str) -> Outcome:
        """The outcome of a change that was not sent, or refused for certain, with the track as it is."""
        as_of = self._clock.now()
        edits.discard(edit)
        try:
            state: StoreState | Unread = store_state(raw, _reviews(edits, raw), as_of)
        except EdgeError as failure:
            state = Unread(str(failure), as_of)
        return Outcome(settlement, detail, state)

    def _halted_before(self, edits: Edits, edit: str, raw: RawTrack, release_id: str) -> Outcome:
        """The track already reads halted. Writing it again could only restart the review that holds it."""
        looked = self._unsent(edits, edit, raw, Settlement.IN_DOUBT, "")
        release = looked.state.find(release_id) if isinstance(looked.state, StoreState) else None
        if release is None:
            return replace(looked, detail="it reads halted, but its review state cannot be read")
        if release.stopped:
            return replace(looked, settlement=Settlement.ALREADY, detail=described(release))
        return replace(looked, detail=_pending(release))

    def _raise_sent(self, edits: Edits, edit: str, raw: RawTrack, change: Change) -> EdgeError | None:
        """Write, validate and commit a raise; returns what `_committed` returns, or what only a look can settle."""
        try:
            self._written(edits, edit, raised(raw, change), change.release_id)
            edits.validate(edit)
        except Refused as no:
            if no.said not in _LOOK_FIRST:
                raise
            return no
        return self._committed(edits, edit, Terms())

    def _halt_sent(self, edits: Edits, edit: str, raw: RawTrack, release_id: str) -> EdgeError | None:
        """Write and commit a halt; returns what `_committed` returns, or the refusal of the write.

        Which of its rules Play looks at only in the commit is unknown (google-play.md section 10), so a commit that is
        refused for one that can be mended is made once more in the same edit.
        """
        try:
            written = self._written(edits, edit, halted(raw, release_id), release_id)
        except Rejected as refusal:
            return refusal
        answer = self._halt_committed(edits, edit)
        better = mended(written, release_id, answer) if isinstance(answer, Refused) else None
        if better is None:
            return answer
        try:
            edits.write(edit, better)
        except (Rejected, Conflict):
            return answer  # the refusal may have ended the edit; it says more than the end of an edit does
        return self._halt_committed(edits, edit)

    def _written(self, edits: Edits, edit: str, body: RawTrack, release_id: str) -> RawTrack:
        """Write the track, once more in the same edit where Play's refusal tells how it wants it; returns what Play took."""
        try:
            edits.write(edit, body)
        except Refused as no:
            better = mended(body, release_id, no)
            if better is None:
                raise
            edits.write(edit, better)
            return better
        return body

    def _halt_committed(self, edits: Edits, edit: str) -> EdgeError | None:
        """Commit a halt on the mildest terms that Play accepts; what it asks for is tried once for each asking."""
        terms, asked = Terms(), set[tuple[Terms, Said]]()
        while True:
            answer = self._committed(edits, edit, terms)
            wanted = self._other_terms(terms, answer)
            if wanted is None or not isinstance(answer, Refused) or (wanted, answer.said) in asked:
                return answer
            asked.add((wanted, answer.said))
            terms = wanted

    def _other_terms(self, terms: Terms, answer: EdgeError | None) -> Terms | None:
        """On which terms Play asks to commit instead (E5, E6, E7); None if on no others."""
        if not isinstance(answer, Refused):
            return None
        match answer.said:
            case Said.IN_REVIEW if self._halt_in_review is HaltInReview.CANCEL_REVIEW:
                return replace(terms, in_review=InReview.CANCEL)
            case Said.NOT_SENT_BY_ITSELF:
                return replace(terms, held_back=True)
            case Said.SENT_BY_ITSELF:
                return replace(terms, held_back=False)
            case _:
                return None

    def _committed(self, edits: Edits, edit: str, terms: Terms) -> EdgeError | None:
        """Commit, and return the answer if it is not a plain yes: a refusal, or one that says nothing.

        Conflict (E1, E2, E4) and Throttled are raised: nothing was applied, and it may be tried afresh.
        """
        try:
            edits.commit(edit, terms)
        except (Conflict, Throttled):
            raise
        except EdgeError as answer:
            return answer
        return None

    def _settled(
        self,
        looked: Callable[[], StoreState],
        release_id: str,
        done: Callable[[StoreRelease], bool],
        answer: EdgeError | None,
    ) -> Outcome:
        """Read back after a write was sent, and believe only that.

        Whether we may still raise is not asked any more: knowing what became of the write matters to whoever
        took over.
        """
        try:
            state: StoreState | Unread = looked()
        except EdgeError as failure:
            state = Unread(str(failure), self._clock.now())
        release = state.find(release_id) if isinstance(state, StoreState) else None
        if release is not None and done(release):
            return Outcome(Settlement.CONFIRMED, described(release), state)
        if answer is not None and (_definite(answer) or _refused_and_looked(answer, release)):
            return Outcome(Settlement.REFUSED, answer.told, state)
        return Outcome(Settlement.IN_DOUBT, _doubt(answer, state, release), state)


_LOOK_FIRST = frozenset({Said.ALREADY_COMMITTED, Said.NOTHING_TO_HALT, Said.FULLY_RELEASED})
"""Refusals that tell of a store that is not what the edit showed: they mean "look" (E3, E12, E17)."""


def _reviews(edits: Edits, raw: RawTrack) -> Reviews:
    """Where the releases stand in review; Play need not be asked about a track without any."""
    return edits.reviews() if raw_releases(raw) else ()


def _definite(answer: EdgeError) -> bool:
    """Whether Play said no for certain, and the store is as the edit showed it."""
    if isinstance(answer, Refused) and answer.said in _LOOK_FIRST:
        return False
    return isinstance(answer, (Rejected, Denied))


def _refused_and_looked(answer: EdgeError, release: StoreRelease | None) -> bool:
    """A no that sends us looking stays a no once we have looked; but "already committed" mostly means yes."""
    if release is None or not isinstance(answer, Refused):
        return False
    return answer.said is not Said.ALREADY_COMMITTED


def _doubt(answer: EdgeError | None, state: StoreState | Unread, release: StoreRelease | None) -> str:
    sent = f"the commit was answered with: {answer.told}" if answer else "Play accepted the commit"
    if answer is not None and answer.status >= 500:
        # E14: the Console then shows the true cause.
        sent += " (Play also says so when a permission is missing or a halt would leave nothing to serve)"
    if isinstance(state, Unread):
        return f"{sent}; the store cannot be read: {state.why}"
    if release is None:
        return f"{sent}; the release is not on the track"
    if release.status is ReleaseStatus.HALTED:
        return f"{sent}; {_pending(release)}"
    return f"{sent}; {described(release)}"


def _pending(release: StoreRelease) -> str:
    """Why a release that reads halted does not count as halted."""
    return f"{described(release)}: until its review is settled people may still get it; see the Play Console"
