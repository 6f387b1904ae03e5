"""The evidence for and against a release after each of the daemon's looks, weighed afresh from what it was answered.

A run and its stages begin when the store really began to serve, or when the journal took note of it; each is a
reading, and what may be said after a look is what any reading allows. What people write cannot be counted again:
where stars take part, harm lies between what the rest says and that with the stars as the journal has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from tests.judge.accounts import DAY, Account, Agreed, Reading, agreed_on
from tests.judge.case import Case
from tests.judge.dark import dark
from tests.judge.heard import compared_since, may_be_unheard, was_kept
from tests.judge.journal import CLOCKS_APART
from tests.judge.ledger import Key, age
from tests.judge.passes import looked_between, may_have_begun
from tests.judge.patience import awake_for
from tests.judge.proof import (
    LN_ADVANCE,
    LN_HALT,
    LN_HOLD,
    merged,
)
from tests.judge.runs import Run, is_halted, noted_runs, served_runs
from tests.judge.signals import GRACE, Word
from tests.judge.tallies import Books, Kind, Reply, leaves_out, newest_end, replies
from tests.judge.terms import Weighed

WHOLE = "evidence"
LEEWAY = 0.1
"""In natural logarithms: so near to a threshold either side of it is believed."""

_STALE_MIN, _USERS_STALE = timedelta(hours=2), timedelta(hours=26)
_SURELY_QUIET = timedelta(hours=6)
"""A baseline without any sessions is taken for a failing source until then."""

_USED_LEAST, _COMPARED_MOST = 0.01, 5


@dataclass(frozen=True, slots=True)
class Numbers:
    """One reading of what was known after a look. `advance`: the evidence of safety for a pass that began at that time; it
    is None without a stage or a baseline."""

    agreed: Agreed
    ln_e: Mapping[str, float]
    advance: Callable[[datetime], float | None]


@dataclass(frozen=True, slots=True)
class Look:
    """What may be said after one pass: of the evidence as a whole, and of each signal that takes part. `users_at`:
    when users were asked for last. `certain`: the daemon knew what is counted here; else an answer may have come too
    late for it."""

    seq: int
    at: datetime
    users_at: datetime | None
    certain: bool
    words: Mapping[str, frozenset[Word]]
    numbers: tuple[Numbers, ...]


@lru_cache(maxsize=64)
def looks(case: Case, key: Key) -> tuple[Look, ...]:
    """Every look for evidence about the release, in order. None where its policy wants no evidence."""
    weighed = any(terms.weighed for terms in case.all_terms(key))
    return tuple(_Weigher(case, key).looks()) if weighed else ()


@lru_cache(maxsize=1)
def _replies(case: Case) -> list[Reply]:
    return replies(case.evidence.requests)


def looks_between(case: Case, key: Key, first: datetime, last: datetime) -> Iterator[Look]:
    return (look for look in looks(case, key) if first <= look.at <= last)


def may_be_chosen(case: Case, key: Key, look: Look, exposure_ppm: int, since: datetime) -> bool:
    """Whether the policy's own choice may stand where this look shows too little: it names it, the exposure was kept
    since `since` for the longest it waits, and nothing that was read speaks against the release."""
    weighed = case.terms(key, look.at).weighed
    over = look.at + GRACE - since >= case.max_bake(key, exposure_ppm, look.at)
    whole = look.words[WHOLE] & {Word.PASS, Word.INSUFFICIENT}
    beside = all(Word.PASS in words for name, words in look.words.items() if name != WHOLE)
    return weighed is not None and weighed.advances and over and bool(whole) and beside


class _Weigher:
    def __init__(self, case: Case, key: Key) -> None:
        self._case, self._key = case, key
        self._terms = case.terms(key)
        self._named = {
            case.signal_name(k): k for k in case.served if (k.app, k.store) == (key.app, key.store)
        }
        accounts = (served_runs(case, key), noted_runs(case, key))
        readings = [Reading(runs) for runs in dict.fromkeys(accounts) if runs]
        self._all = Account(Books(case.signal_name(key)), readings)
        self._surely: Account | None = None
        self._pasts = [reply for reply in self._about() if reply.kind is Kind.PAST and reply.ok]
        self._users: Reply | None = None
        self._told_use = False
        self._slow: dict[Kind, bool] = {}

    def looks(self) -> Iterator[Look]:
        asked: Reply | None = None
        for reply in self._about():
            if asked and self._is_another_pass(asked, reply):
                yield from self._look(asked)
                asked = None
            match reply.kind:
                case Kind.RUNNING if was_kept(self._case, self._key, reply):
                    self._compare(reply)
                case Kind.SESSIONS | Kind.USERS if not leaves_out(reply, asked, self._all.books.candidate):
                    unheard = may_be_unheard(self._case, self._key, reply)
                    self._slow[reply.kind] = unheard or (self._slow.get(reply.kind, False) and not reply.ok)
                    self._enter(reply, heard=not unheard)
                    asked = reply if reply.kind is Kind.SESSIONS else asked
                    self._users = reply if reply.kind is Kind.USERS else self._users
        if asked:
            yield from self._look(asked)

    def _enter(self, reply: Reply, *, heard: bool) -> None:
        """All of it, and beside that, from an answer that may not have been heard until it makes no difference any more,
        only what surely was."""
        if not heard and self._surely is None:
            self._surely = self._all.without_more()
        since = self._all.enter(reply, heard=heard)
        if since and was_kept(self._case, self._key, reply):
            self._all.books.begin_with(compared_since(self._case, self._key, reply), reply)
        if self._surely and heard:
            self._surely.enter(reply, heard=True)

    def _about(self) -> Iterator[Reply]:
        """What was asked for this release, and what tells what it is compared with."""
        elsewhere, name = self._case.projects_of_others(self._key), self._all.books.candidate
        for reply in _replies(self._case):
            named = name in reply.names[:1] if reply.kind is Kind.RUNNING else name in reply.names
            fits = not named if reply.kind is Kind.PAST else named
            if fits and not (reply.projects and reply.projects <= elsewhere):
                yield reply

    def _is_another_pass(self, asked: Reply, later: Reply) -> bool:
        """Passes can follow each other at once; sessions that could not be read are asked for again in the same."""
        anew = later.kind is Kind.RUNNING or (later.kind is Kind.SESSIONS and asked.ok)
        looked = looked_between(self._case, self._key, asked.seq, later.seq)
        return anew or looked or later.at - asked.at > GRACE

    def _compare(self, reply: Reply) -> None:
        """Every earlier release that people use and that nobody has halted, most used first. Where that is none, and there
        was none before, what the daemon chose by the store, and asked for next."""
        earlier: dict[str, int] = {}
        for name, sessions in reply.used.items():
            key = self._named.get(name)
            if key is None or age(key) >= age(self._key) or not sessions:
                continue
            serving = self._case.serving_before(key, reply.at)
            halted = serving is not None and (
                serving.status == "halted" or is_halted(self._case, key, reply.at)
            )
            if not halted:
                earlier[name] = sessions
        self._told_use = self._told_use or reply.ok
        many = [n for n, count in earlier.items() if count >= sum(earlier.values()) * _USED_LEAST]
        names = tuple(sorted(many, key=lambda n: -earlier[n])[:_COMPARED_MOST])
        unknown = reply.ok and not self._all.books.compared
        since = compared_since(self._case, self._key, reply)
        self._all.books.compare(since, names or (reply.names[1:] if unknown else ()))

    @property
    def _weighed(self) -> Weighed:
        assert self._terms.weighed is not None
        return self._terms.weighed

    def _look(self, asked: Reply) -> Iterator[Look]:
        """None of a pass whose policy wants no evidence: what was told is known all the same."""
        self._terms = self._case.terms(self._key, asked.at)
        if self._terms.weighed is not None:
            yield self._seen_in(asked)

    def _seen_in(self, asked: Reply) -> Look:
        words: dict[str, set[Word]] = {}
        numbers = []
        for account in self._accounts():
            for reading in account.readings:
                known = self._weigh(account, reading, asked)
                for name, said in self._words(account, reading, known, asked):
                    words.setdefault(name, set()).update(said)
                numbers += [known] if known else []
            account.looked()
        certain = not (any(self._slow.values()) or self._all.books.doubted)
        unheard = set[Word]() if certain else {Word.ERROR}
        frozen = {
            name: frozenset(each | unheard) for name, each in (words or {WHOLE: {Word.MISSING}}).items()
        }
        users_at = self._users.at if self._users else None
        return Look(asked.seq, asked.at, users_at, certain, frozen, tuple(numbers))

    def _accounts(self) -> Iterator[Account]:
        """Who did not hear the answer of this very look can say nothing by what was known before."""
        yield self._all
        if self._surely and self._surely.books.knows_as_much_as(self._all.books):
            self._surely = None
        if self._surely and not self._slow.get(Kind.SESSIONS):
            yield self._surely
        elif self._surely:
            self._surely.bad = False

    def _weigh(self, account: Account, reading: Reading, asked: Reply) -> Numbers | None:
        reading.turn_to(asked.at)
        reading.agreed = reading.agreed or self._agree(reading.run, asked)
        reading.follow(account.books, account.changed, asked)
        if reading.agreed is None or reading.run is None:
            return None
        return Numbers(
            reading.agreed,
            {name: c.ln_e if c.rows else 0.0 for name, c in reading.courses.items()},
            self._advance(reading),
        )

    def _words(
        self, account: Account, reading: Reading, known: Numbers | None, asked: Reply
    ) -> Iterator[tuple[str, set[Word]]]:
        if known is None:
            yield WHOLE, {Word.ERROR, Word.MISSING}
            return
        yield WHOLE, set(self._whole(account, reading, known, asked))
        for name in known.agreed.weights:
            if name in reading.courses and name != "crashed_sessions":
                yield name, set(self._beside(account, name, reading, known, asked))

    def _agree(self, run: Run | None, asked: Reply) -> Agreed | None:
        """None: what is normal was not read yet, or whether there is anybody to compare it with: a source that fails says
        nothing of what people use, and until it does no terms are set."""
        if run is None:
            return None
        told = self._past_of(run)
        past = told.past if told and told.at <= awake_for(self._case, asked.at, GRACE) else None
        nobodys = set(asked.names) == {self._all.books.candidate} and not self._all.books.compared
        if past is None and not (nobodys and self._told_use):
            return None
        noted = [e.body["terms"] for e in self._case.journal.of(self._key, "terms_set") if e.at >= run.begun]
        with_ratings = any(w["signal"] == "ratings" for w in (noted[0]["weights"] if noted else ()))
        return agreed_on(past, self._weighed, with_ratings=with_ratings)

    def _past_of(self, run: Run) -> Reply | None:
        """The first answer of the run; a daemon that died before it wrote that down asked again, and so did one that stood
        still until the answer had come too late: in the same pass, which says when it began."""
        anew = self._case.terms_anew(self._key).values()
        until = min((at for at in anew if at > run.begun), default=self._case.ended_at)
        told = [p for p in self._pasts if run.begun - GRACE <= p.at <= until]
        usable = [p for p in told if p.past[0] or p.at - run.since >= _SURELY_QUIET]
        noted = [e.at for e in self._case.journal.of(self._key, "terms_set") if e.at >= run.begun]
        in_time = [p for p in usable if noted and p.at <= awake_for(self._case, noted[0], GRACE)]
        best = in_time or usable[:1]
        return best[-1] if best else None

    def _advance(self, reading: Reading) -> Callable[[datetime], float | None]:
        course = reading.courses.get("crashed_sessions")
        if course is None or not reading.stages:
            return lambda at: None
        safety, settle = course.safety(reading.stages[-1]), self._terms.settle
        return lambda at: safety(at - settle)

    def _whole(self, account: Account, reading: Reading, known: Numbers, asked: Reply) -> Iterator[Word]:
        """What may be said of the evidence as a whole, the worst first; the last is what is certain."""
        least = merged(known.agreed.weights, known.ln_e)
        stars = {"ratings": self._stars(asked.at)} if "ratings" in known.agreed.weights else {}
        most = merged(known.agreed.weights, {**known.ln_e, **stars})
        course = reading.courses.get("crashed_sessions") or reading.courses.get("floor")
        silent = self._dark(reading, asked.at)
        if most >= LN_HALT - LEEWAY or (silent and self._weighed.halts_dark):
            yield Word.BREACH
        if least >= LN_HALT + LEEWAY or (len(silent) == 1 and self._weighed.halts_dark):
            return
        if most >= LN_HOLD - LEEWAY:
            yield Word.DOUBT
        if least >= LN_HOLD + LEEWAY:
            return
        if course and course.outside_incident:
            yield Word.DOUBT
        elif account.bad or not asked.ok:
            yield Word.ERROR
        elif len(silent) == 1 or (course is None and known.agreed.p_ref is None):
            yield from {Word.MISSING, Word.ERROR} if account.bad_users else {Word.MISSING}
        else:
            yield from {Word.MISSING} if silent else ()
            yield from {Word.ERROR} if account.bad_users else ()  # until they are asked for again
            yield from self._calm(account, reading, known, asked)

    def _calm(self, account: Account, reading: Reading, known: Numbers, asked: Reply) -> Iterator[Word]:
        """By a clock that is a little off an hour settles sooner or later. A pass that stood still before it asked counts fewer hours as settled, and may say too little. It passes by all
        that have settled when it asks, or not at all: by what it would have said before nothing is raised afterwards."""
        assert reading.run is not None
        newest = newest_end(account.books.crashed, reading.run.since)
        if newest is None or not asked.spoke:
            yield Word.MISSING
        elif asked.at - newest > self._stale() + GRACE:
            yield Word.STALE
        else:
            apart = (CLOCKS_APART, -CLOCKS_APART) if self._case.journal.hardly_off(asked.at) else ()
            safe = [known.advance(asked.at + off) for off in (timedelta(0), -GRACE, *apart)]
            if any(ln_e is not None and ln_e >= LN_ADVANCE - LEEWAY for ln_e in safe):
                yield Word.PASS
            safe += map(known.advance, may_have_begun(self._case, self._key, asked.seq, asked.at))
            if any(ln_e is None or ln_e < LN_ADVANCE + LEEWAY for ln_e in safe):
                yield Word.INSUFFICIENT

    def _beside(
        self, account: Account, name: str, reading: Reading, known: Numbers, asked: Reply
    ) -> Iterator[Word]:
        """A signal's own word: it passes when it was read, is fresh, and does not suspect anything itself. On the day
        of a resume, users are read and do not count yet."""
        assert reading.run is not None
        daily = name == "crashed_users"
        read = self._users if daily else asked
        if known.ln_e[name] >= LN_HOLD - LEEWAY:
            yield Word.DOUBT
        if known.ln_e[name] >= LN_HOLD + LEEWAY:
            return
        if daily:
            newest = newest_end(account.books.users, account.readings[0].first_day, DAY)
        else:
            newest = newest_end(account.books.crashed, reading.run.since)
        if read is None or not read.ok:
            yield Word.ERROR
        elif newest is None or not read.spoke:
            yield Word.MISSING
        elif asked.at - newest > (_USERS_STALE if daily else self._stale()) + GRACE:
            yield Word.STALE
        else:
            yield Word.PASS

    def _stale(self) -> timedelta:
        return max(_STALE_MIN, 3 * self._case.poll)

    def _stars(self, at: datetime) -> float:
        """What the journal says that the stars say."""
        told = [
            signal["ln_e"]
            for entry in self._case.journal.of(self._key, "decided")
            if entry.at <= at + GRACE and entry.body.get("weighed")
            for signal in entry.body["weighed"]["signals"]
            if signal["signal"] == "ratings"
        ]
        return float(told[-1]) if told else 0.0

    def _dark(self, reading: Reading, at: datetime) -> set[bool]:
        """Empty: it is not dark. One element: it is. Two: nearly, or hardly."""
        course = reading.courses.get("crashed_sessions")
        if course is None or not reading.stages:
            return set()
        found = {dark(course.rows, reading.stages[-1], at, self._terms.settle, slack) for slack in (0.9, 1.1)}
        return found if True in found else set()
