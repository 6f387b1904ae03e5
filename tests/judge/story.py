"""Small hand-written evidence for the judge's own tests: what an emulator and a daemon would have left.

One app, acme: 5.1.0 is complete when the story begins, 5.2.0 was rolled out to 1 % by the team and is
published after four hours. Hours count from a Monday's midnight, UTC; tell the story in order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.judge.checks.chain import chain_hash
from tests.judge.evidence import Evidence
from tests.judge.verdict import judge

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
ROLLOUT = "acme/google_play/5020"
OLD = {"name": "5.1.0", "versionCodes": ["5010"], "status": "completed"}
POLICY: dict[str, Any] = {
    "name": "standard",
    "stages": [{"percent": 1, "bake": "24h"}, {"percent": 10, "bake": "24h"}, {"percent": 100}],
    "gates": [{"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100}],
}
Raw = dict[str, Any]


def at(hour: float) -> str:
    return (BEGIN + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")


def new(status: str = "inProgress", fraction: float | None = None, **fields: Any) -> Raw:
    """5.2.0 as the track shows it."""
    release: Raw = {
        "name": "5.2.0",
        "versionCodes": ["5020"],
        "status": status,
        "releaseNotes": [{"language": "en-US", "text": "Fixes."}],
        "inAppUpdatePriority": 2,
    }
    return release | ({} if fraction is None else {"userFraction": fraction}) | fields


class Story:
    rollout = ROLLOUT
    candidate = "com.acme.app@5.2.0+5020"
    project = "acme"

    def __init__(
        self,
        *,
        policy: Raw | None = None,
        scenario: Raw | None = None,
        choice: str = "adopt",
        until: float = 40,
    ) -> None:
        self.policy = POLICY | (policy or {})
        self.scenario = {"mode": "act"} | (scenario or {})
        self.canaries: list[str] = []
        self.deaths: list[str] = []
        self.unwritten: list[str] = []
        self.suspended: list[str] = []
        self.stopped: list[str] = []
        self.slow: list[str] = []
        self.line: list[str] = []
        self.direct: list[Raw] = []
        self.people: list[Raw] = []
        self.left: list[Raw] = []
        self.lost: list[int] = []
        self.put_back: list[Raw] = []
        self.tenures: list[Raw] = []
        self.other_policies: dict[str, Raw] = {}
        self.ledger: list[Raw] = []
        self.requests: list[Raw] = []
        self.journal: list[Raw] = []
        self.notices: list[Raw] = []
        self.rollouts: list[Raw] = []
        self.track = [new("inProgress", 0.01), OLD]
        self.health = [(4.0, 0.998)]
        self.sessions_per_hour = 100
        self._begin(until, choice)

    def _begin(self, until: float, choice: str) -> None:
        app = {"app": "acme", "store": "google_play", "package": "com.acme.app", "track": "production"}
        played = {"name": "test", "policy": "standard", "poll_seconds": 1800, "apps": [app]}
        self._ledger(0, "scenario", start=at(0), until=at(until), **played)
        self.served(0, "completed", 1_000_000, release=("5.1.0", 5010), cause="start")
        self.served(1, "inProgress", 0, review="IN_REVIEW")
        found = {"status": "in_progress", "review": "in_review", "exposure_ppm": 10_000}
        self.writes(1.5, "discovered", policy="standard", choice=choice, **found)
        self.served(4, "inProgress", 10_000)

    # What the store and the people did

    def _ledger(self, hour: float, type_: str, **fields: Any) -> None:
        self.ledger.append({"seq": len(self.ledger) + 1, "at": at(hour), "type": type_} | fields)

    def served(
        self,
        hour: float,
        status: str,
        exposure_ppm: int,
        *,
        review: str = "PUBLISHED",
        release: tuple[str, int] = ("5.2.0", 5020),
        cause: str = "api",
        request: int | None = None,
    ) -> None:
        place = {"app": "acme", "store": "google_play", "package": "com.acme.app", "track": "production"}
        facts = {"status": status, "exposure_ppm": exposure_ppm, "review": review, "cause": cause}
        name, code = release
        named = {"release": name, "release_id": str(code), "version_code": code}
        self._ledger(hour, "served", request=request, **named, **place, **facts)

    def console(self, hour: float, *after: Raw, exposure_ppm: int) -> None:
        """A person changes the track in the store's console; 5.2.0 is then served so."""
        self._changed(hour, list(after), cause="console", account="console", request=None, track="production")
        self.served(hour, after[0]["status"], exposure_ppm, cause="console")

    def commit(self, hour: float, *after: Raw, track: str = "production") -> int:
        """We commit the track; what people then get is told apart, with `served`."""
        path = "/androidpublisher/v3/applications/com.acme.app/edits/1:commit"
        request = self.requested(hour, "google_play", path)
        account = "bot@acme.iam.gserviceaccount.com"
        self._changed(hour, list(after), cause="api", account=account, request=request, track=track)
        return request

    def _changed(self, hour: float, after: list[Raw], **fields: Any) -> None:
        place = {"app": "acme", "store": "google_play", "package": "com.acme.app"}
        self._ledger(hour, "track", before=self.track, after=after, **place, **fields)
        self.track = after

    def requested(self, hour: float, service: str, path: str, **fields: Any) -> int:
        seq = len(self.requests) + 1
        plain: Raw = {
            "method": "POST",
            "query": {},
            "body": None,
            "status": 200,
            "response": {},
            "fault": None,
        }
        self.requests.append({"seq": seq, "at": at(hour), "service": service, "path": path} | plain | fields)
        return seq

    # What the daemon saw, decided and told

    def polls(self, first: float, last: float, **how: Any) -> None:
        """Ask for crash-free rates every half hour."""
        for step in range(int((last - first) * 2) + 1):
            self.asks(first + step / 2, **how)

    def asks(self, hour: float, *, status: int | None = 200, frozen_at: float = 1000) -> None:
        """One question and its answer; no sessions arrive from `frozen_at` on."""
        names = f"release:[{self.candidate},com.acme.app@5.1.0+5010]"
        fields = ["sum(session)", "crash_free_rate(session)"]
        response = self._crash_free(hour, frozen_at) if status == 200 else "<html>Bad Gateway</html>"
        path = "/api/0/organizations/acme/sessions/"
        query = {"project": [self.project], "query": [names], "field": fields, "groupBy": ["release"]}
        self.requested(hour, "sentry", path, method="GET", query=query, status=status, response=response)

    def _crash_free(self, hour: float, frozen_at: float) -> Raw:
        hours = [int(hour) - back for back in range(24, -1, -1)]
        counts = [self.sessions_per_hour if 4 <= h < frozen_at else 0 for h in hours]
        rates = [self._rate(h) if count else None for h, count in zip(hours, counts, strict=True)]
        series = {"sum(session)": counts, "crash_free_rate(session)": rates}
        group = {"by": {"release": self.candidate}, "totals": {}, "series": series}
        return {"intervals": [at(h) for h in hours], "groups": [group] if any(counts) else []}

    def _rate(self, hour: int) -> float:
        return [rate for since, rate in self.health if since <= hour][-1]

    def writes(self, hour: float, kind: str, **body: Any) -> None:
        prev = next((e["hash"] for e in reversed(self.journal) if e["seq"] not in self.lost), "0" * 64)
        entry = {"seq": len(self.journal) + 1, "rollout": self.rollout, "at": at(hour), "kind": kind}
        entry |= {"body": body, "prev": prev}
        self.journal.append(entry | {"hash": chain_hash(entry)})

    def puts_back(
        self, entries: int, known: float, until: float, *, run: int = 1, announced: bool = True
    ) -> None:
        """The database is as it was before the newest `entries`; `run` knows of it until a person takes the journal as it is.
        `announced`: that is about to be told, for all apps."""
        if announced:
            self.notes("held", broadcast=True, state="pending")
            self.notices[-1]["key"] = f"journal/lacks_its_end/{at(known)}"
        if not self.lost:
            self.lost = [entry["seq"] for entry in self.journal[-entries:]]
        self.put_back.append({"run": run, "from": at(known), "until": at(until)})

    def decides(
        self,
        hour: float,
        decision: str,
        target_ppm: int = 0,
        command: str = "",
        *,
        verb: str = "",
        because: str = "",
    ) -> None:
        intent = f"intent-{len(self.journal)}"
        more = {"target_ppm": target_ppm, "command": command, "intent": intent, "verb": verb}
        reasons = [{"code": because}] if because else []
        self.writes(hour, "decided", decision=decision, reasons=reasons, **more)

    def orders(self, hour: float, verb: str, *, by: str = "ana", **body: Any) -> str:
        command = f"command-{len(self.journal)}"
        actor = {"kind": "human", "name": by}
        self.writes(hour, "commanded", command=command, verb=verb, actor=actor, accepted=True, **body)
        return command

    def leaves(self, command: str, verb: str, account: str, **more: Any) -> None:
        """That order as somebody's account really left it."""
        self.left.append({"id": command, "verb": verb, "account": account, "via": "cli"} | more)

    def approves(self, hour: float, by: str, target_ppm: int, *, verdict: str = "PASS") -> str:
        command = self.orders(hour, "approve", by=by)
        actor = {"kind": "human", "name": by}
        told = {"groups": [], "reason": "tested", "verdict": verdict, "until": at(hour + 24)}
        self.writes(hour, "approved", actor=actor, target_ppm=target_ppm, command=command, **told)
        return command

    def steers_by(self, hour: float, name: str, policy: Raw) -> None:
        """A person sets another policy; the next pass begins with a look at the store."""
        self.other_policies[name] = POLICY | {"name": name} | policy
        self.orders(hour, "set-policy")
        self.writes(hour, "policy_set", actor={"kind": "human", "name": "ana"}, reason="slower", policy=name)
        path = "/androidpublisher/v3/applications/com.acme.app/edits/2/tracks/production"
        self.requested(hour + 0.001, "google_play", path, method="GET")

    def tells(
        self, hour: float, kind: str, *, broadcast: bool = False, key: str = "", fault: str | None = None
    ) -> str:
        """A notice is written down and arrives; with the `key` of an earlier one it arrives once more."""
        key = key or self.notes(kind, broadcast=broadcast)
        request = self.requested(hour, "slack", "/slack/api/chat.postMessage", fault=fault)
        payload = {"key": key, "kind": kind, "rollout": self.rollout}
        metadata = {"event_type": "stagedrollout_notice", "event_payload": payload}
        facts = {"broadcast": broadcast, "update": False, "metadata": metadata, "request": request}
        self._ledger(hour, "slack", ts=f"{request}.0", thread_ts="1.0", text=kind, **facts)
        return key

    def notes(self, kind: str, *, broadcast: bool = False, state: str = "sent") -> str:
        """A notice that is only written down."""
        key = f"notice-{len(self.notices)}"
        row = {"key": key, "rollout": self.rollout, "kind": kind, "broadcast": broadcast}
        self.notices.append(row | {"headline": f"5.2.0 {kind}", "state": state, "ts": None})
        return key

    def dies(self, hour: float) -> None:
        self.deaths.append(at(hour))

    def stands_still(self, hour: float, until: float) -> None:
        self.stopped.append(f"{at(hour)} {at(until)}")

    def runs_slow(self, hour: float, until: float, pace: float) -> None:
        """Both of the machine's clocks do."""
        self.slow.append(f"{at(hour)} {at(until)} {pace}")

    def raises(self, hour: float, fraction: float, command: str = "", *, because: str = "") -> None:
        """Decide, commit, be served and tell, all at once, as on a good day."""
        exposure_ppm = round(fraction * 1_000_000)
        self.decides(hour, "ADVANCE", exposure_ppm, command, because=because)
        request = self.commit(hour, new("inProgress", fraction), OLD)
        self.served(hour, "inProgress", exposure_ppm, request=request)
        self.tells(hour, "raised")

    def halts(self, hour: float) -> None:
        fraction = self.track[0].get("userFraction")
        self.decides(hour, "HALT")
        self.commit(hour, new("halted", fraction), OLD)
        self.served(hour, "halted", 0)
        self.tells(hour, "halted", broadcast=True)

    def ends(self, phase: str, exposure_ppm: int) -> None:
        row = {"app": "acme", "store": "google_play", "release": "5.2.0", "release_id": "5020"}
        self.rollouts = [row | {"phase": phase, "exposure_ppm": exposure_ppm, "reason": ""}]

    # What comes of it

    def evidence(self) -> Evidence:
        return Evidence(
            ledger=self.ledger,
            requests=self.requests,
            journal=self.journal,
            notices=self.notices,
            rollouts=self.rollouts,
            scenario=self.scenario,
            policies={"standard": self.policy, **self.other_policies},
            people=self.people,
            orders=self.left,
            deaths=self.deaths,
            unwritten=self.unwritten,
            stopped=self.stopped,
            slow=self.slow,
            line=self.line,
            direct=self.direct,
            lost=self.lost,
            put_back=self.put_back,
            suspended=self.suspended,
            tenures=self.tenures,
            canaries=self.canaries,
            texts={"journal.jsonl": str(self.journal), "requests.jsonl": str(self.requests)},
        )

    def blamed(self) -> dict[str, int]:
        """What the judge finds wrong: check -> how often. Empty: nothing."""
        verdict = judge(self.evidence())
        return {check: verdict.count(check) for check in {f.check: None for f in verdict.findings}}


def first_raise(**how: Any) -> Story:
    """A good release: 1 % bakes for a day, passes, and is raised to 10 % at hour 28.5."""
    story = Story(**how)
    story.polls(4, 28.5)
    story.raises(28.5, 0.1)
    story.polls(29, 30)
    story.ends("rolling_out", 100_000)
    return story


def bad_release(**how: Any) -> Story:
    """5.2.0 crashes half the time from hour 20 on; the second poll to see it is at 20.5. Not yet halted."""
    story = Story(**how)
    story.health.append((20, 0.5))
    story.polls(4, 20.5)
    return story
