"""The journal says what the store says: where a rollout ended, and that each raise was decided first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tests.judge.case import Case
from tests.judge.direct import is_by_hand
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.journal import resumes, shows_a_halt
from tests.judge.ledger import APP_STORE, LOWERINGS, RAISES, Change, Key, Served, age, instant, review_word
from tests.judge.patience import a_poll, hindered_between
from tests.judge.phases import LIVE, WINDOW
from tests.judge.signals import GRACE
from tests.judge.terms import PPM_ALL, percent

CHECK = "disagreements"


def rollouts(case: Case) -> list[Finding]:
    findings = []
    for row in case.evidence.rollouts:
        key = Key(row["app"], row["store"], str(row["release_id"]))
        lately = _served_lately(case, key)
        agrees = _agrees_on_phases if key.store == APP_STORE else _agrees
        read = (*lately, *_untold_removals(case, lately))
        if not any(agrees(case, row, served) for served in read):
            text = f"{row['release']} is said to be {row['phase']} at {percent(row['exposure_ppm'])}, {_truth(lately)}"
            findings.append(Finding(CHECK, case.ended_at.isoformat(), row["app"], text))
    return findings


def undecided(case: Case) -> list[Finding]:
    """Nothing is changed that was not decided and written down (R13); only halting may come first (R18)."""
    return [
        Finding(
            CHECK, c.at.isoformat(), c.key.app, f"{c.name} was changed ({c.kind}), and no journal says why"
        )
        for c in case.changes
        if c.ours and not (_was_decided(case, c) or is_by_hand(case, c.key, c.at))
    ]


def _was_decided(case: Case, change: Change) -> bool:
    if change.kind in ("halt", "pause", "prepare"):
        # starting a version without phases begins with making them
        kinds = ("prepare", "start") if change.kind == "prepare" else (change.kind,)
        return any(d.key == change.key and d.kind in kinds for d in case.journal.decisions)
    return change.kind in RAISES and case.journal.decision_behind(change) is not None


def observed_apps(case: Case) -> list[Finding]:
    """An app that is only observed is never written to, except for a halt that a person ordered."""
    return [
        Finding(
            CHECK, c.at.isoformat(), c.key.app, f"{c.name} was changed, although the app is only observed"
        )
        for c in case.changes
        if c.ours and case.observes(c.key.app) and c.kind in RAISES | LOWERINGS | {"prepare"}
        if c.kind not in ("halt", "pause") or not _is_ordered(case, c)
    ]


def _is_ordered(case: Case, halt: Change) -> bool:
    """By hand; or within the last poll, or sooner: it is sent for as long as no halt was read in the store, and nobody resumed what was
    to be halted."""
    over = [e.at for e in case.journal.by_rollout.get(halt.key, ()) if shows_a_halt(e) or resumes(e)]
    since = max((at for at in over if at < halt.at), default=case.journal.entries[0].at)
    first = min(since, halt.at - case.poll - GRACE)
    return is_by_hand(case, halt.key, halt.at) or case.journal.ordered_between(
        halt.key, first, halt.at, "halt"
    )


def _served_lately(case: Case, key: Key) -> list[Served]:
    """What was true at some moment of the last poll: the daemon cannot know of what came after its look, nor
    of what came after it had closed the rollout."""
    since = _over_at(case, key) - case.poll - GRACE
    history = case.served.get(key, [])
    before = [record for record in history if record.at < since]
    return before[-1:] + [record for record in history if record.at >= since]


def _untold_removals(case: Case, lately: list[Served]) -> Iterator[Served]:
    """As the App Store goes on showing a version whose app was removed from sale: that is no version state any more
    (app-store-connect.md section 5), so nobody has to know of it until Apple refuses a request."""
    for served in lately:
        removed = served.cause == "console" and served.exposure_ppm == 0 and served.review == LIVE
        if served.key.store == APP_STORE and removed and _untold(case, served.key, served.at):
            before = [record for record in case.served[served.key] if record.seq < served.seq]
            yield from (replace(served, exposure_ppm=record.exposure_ppm) for record in before[-1:])


def _untold(case: Case, key: Key, removed_at: datetime) -> bool:
    """Whether somebody has looked since, and neither a state nor a refusal gave it away."""
    answers = [r for r in case.apple_answers(key) if instant(r["at"]) >= removed_at]
    refused = (
        request
        for request in case.evidence.requests
        if request["service"] == APP_STORE
        and request["status"] == 409
        and instant(request["at"]) >= removed_at
    )
    others = {other for other in case.served if other.store == APP_STORE and other.app != key.app}
    of_others = str([answer["response"] for other in others for answer in case.apple_answers(other)])
    told = any("REMOVED_FROM_SALE" in str(answer["response"]) for answer in answers)
    return bool(answers) and not told and all(r["path"].rsplit("/")[-1] in of_others for r in refused)


def _over_at(case: Case, key: Key) -> datetime:
    """When the daemon looked at it last: it closed the rollout, and nobody has brought it back since."""
    over = case.ended_at
    for entry in case.journal.of(key, "closed", "returned", "drifted"):
        over = min(over, entry.at) if entry.kind == "closed" else case.ended_at
    return over


def _truth(lately: list[Served]) -> str:
    if not lately:
        return "but the store never had it"
    last = lately[-1]
    return f"but the store serves it {last.status} to {percent(last.exposure_ppm)}"


def _agrees(case: Case, row: Record, served: Served) -> bool:
    exposed: int = row["exposure_ppm"]
    pending, stopped = _pending(case, served), _is_stopped(case, served)
    match row["phase"]:
        case "halted":
            return served.status == "halted" or _lowered_by_a_person(case, served.key)
        case "not_halted":
            return served.status != "halted" or pending
        case "completed":
            followed = served.status == "replaced" and any(
                _is_newer(other, served.key) for other in case.served
            )
            return exposed == PPM_ALL and (followed or served.exposure_ppm == PPM_ALL)
        case "rolling_out":
            offered = served.status in ("inProgress", "completed")
            return offered and (exposed == served.exposure_ppm or pending)
        case "held" | "waiting":
            return not stopped and (exposed == served.exposure_ppm or pending)
        case "waiting_for_review":
            return not stopped and pending
        case "superseded":
            return any(_is_newer(other, served.key) for other in case.served)
        case _:
            return False


def _is_stopped(case: Case, served: Served) -> bool:
    """Halted, and nobody asks for more. While a resume waits for its review, or has been rejected, the store serves what
    was halted before, and shows only what is asked for (google-play.md section 5.3): no look can tell."""
    history = case.served[served.key]
    until = next((record.seq for record in history if record.seq > served.seq), None)
    asked = [change for change in case.of(served.key) if until is None or change.seq < until]
    resumed = bool(asked) and asked[-1].kind in RAISES
    return served.status == "halted" and not (resumed and _pending(case, served))


def _agrees_on_phases(case: Case, row: Record, served: Served) -> bool:
    """App Store: a halt is a pause; what is held does not grow, unless we may not or could not stop it; and a
    guarded release that bakes is paused as well, or in a window. One that was removed is offered to nobody."""
    pending, same = served.review != LIVE, row["exposure_ppm"] == served.exposure_ppm
    excused = case.observes(served.key.app) or _hindered_lately(case, served.key)
    match row["phase"]:
        case "halted":
            return served.exposure_ppm == 0 or (served.paused and same)
        case "not_halted":
            return not served.paused
        case "completed":
            return row["exposure_ppm"] == PPM_ALL and (
                served.status in ("COMPLETE", "REPLACED") or served.exposure_ppm == PPM_ALL
            )
        case "rolling_out":
            let_go = _in_window(case, served) or _let_go_where_it_was(case, served)
            resting = case.guarded(served.key, case.ended_at) and not let_go and not excused
            return same and (served.paused or (served.grows and not resting))
        case "held":
            return pending or (same and (excused or not served.grows))
        case "waiting":
            return pending or same
        case "waiting_for_review":
            return pending
        case "superseded":
            return served.status == "REPLACED"
        case _:
            return False


def _in_window(case: Case, served: Served) -> bool:
    return any(window.opened.at <= served.at < window.ends for window in case.windows(served.key))


def _let_go_where_it_was(case: Case, served: Served) -> bool:
    """Active already, since no pause of ours had got through: nothing is sent that could open a window, and Apple may step
    from when the journal calls the step confirmed."""
    settled = case.journal.of(served.key, "settled")
    done = [entry for entry in settled if entry.body["settlement"] == "confirmed"]
    if not done or done[-1].body["verb"] != "step":
        return False
    return served.at <= done[-1].at <= _over_at(case, served.key) < done[-1].at + WINDOW


def _hindered_lately(case: Case, key: Key) -> bool:
    return hindered_between(case, key, case.ended_at - a_poll(case), case.ended_at)


def _lowered_by_a_person(case: Case, key: Key) -> bool:
    """Lowering in the console counts as that person's halt (R10), although the store shows no halt."""
    changes = [change for change in case.changes if change.key == key]
    return bool(changes) and not changes[-1].ours and changes[-1].kind == "lower"


def _is_newer(other: Key, key: Key) -> bool:
    return other.app == key.app and other.store == key.store and age(other) > age(key)


def _pending(case: Case, served: Served) -> bool:
    """Whether a review held it back at some moment of the last poll at which that was served."""
    return any(word != "PUBLISHED" for word in _reviews(case, served))


def _reviews(case: Case, served: Served) -> Iterator[str]:
    """The review states in which that was served, without those that were over before the last poll."""
    since = _over_at(case, served.key) - case.poll - GRACE
    until = next((r.seq for r in case.served[served.key] if r.seq > served.seq), None)
    word = served.review or "PUBLISHED"
    for record in case.evidence.ledger:
        same = record["type"] == "review" and record["app"] == served.key.app
        if not same or str(record["version_code"]) != served.key.id or record["seq"] <= served.seq:
            continue
        if until is not None and record["seq"] > until:
            break
        if instant(record["at"]) >= since:
            yield word
        word = review_word(record["state"])
    yield word
