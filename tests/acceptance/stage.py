"""A stage on which a story is played: the emulator, the daemon, people at the command line, and the judge.

Time stands still wherever a test needs it to: `plays_to("8h")` lets the clock go on to eight hours after the
story's beginning and no further; `plays_out()` lets it go to the end.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.acceptance.processes import Background, Done, eventually, run
from tests.acceptance.stories import Story, write
from tests.judge import Verdict, judge, read
from tests.judge.terms import duration

OUR_ACCOUNT = "stagedrollout@acme-emulated.iam.gserviceaccount.com"
PPM = 1_000_000


class Stage:
    """One emulator and any number of daemons, one after the other, in a folder of their own."""

    def __init__(self, folder: Path, story: Story, *emulate_options: str) -> None:
        self.folder, self.conf = folder, folder / "conf"
        self.config = self.conf / "stagedrollout.yaml"
        self._start = datetime.fromisoformat(story["start"])
        self._deaths: list[str] = []
        self._said: list[str] = []
        self._daemons: list[Background] = []
        self._typed: list[Background] = []
        path = write(story, folder / "story")
        options = ("--scenario", str(path), "--write-config", str(self.conf), *emulate_options)
        self.emulator = Background(folder, "emulator", "emulate", *options)
        eventually(lambda: "\n" in self.emulator.out or not self.emulator.alive, what="the emulator")
        assert self.emulator.alive, self.emulator.said
        self._url = json.loads(self.emulator.out)["url"]

    def close(self) -> None:
        for process in (*self._typed, *self._daemons, self.emulator):
            process.removed()

    # ---- time

    def at(self, since_start: str) -> datetime:
        return self._start + duration(since_start)

    @property
    def clock(self) -> dict[str, Any]:
        return self.asks("clock")

    def stops_at(self, since_start: str) -> None:
        """From now on the clock goes no further than this by itself."""
        self.asks("pace", {"stop_at": self.at(since_start).isoformat()})

    def plays_to(self, since_start: str) -> None:
        """Let the story go on to that time, and stand still there with everything done that was due."""
        self.stops_at(since_start)
        eventually(lambda: self._idle_at(self.at(since_start)), within=60, what=f"getting to {since_start}")

    def _idle_at(self, there: datetime) -> bool:
        """The daemon has nothing to do any more and waits for the clock, which is there."""
        return datetime.fromisoformat(self.clock["now"]) >= there and self.idle

    @property
    def idle(self) -> bool:
        """Whether the daemon has nothing to do any more and may go no further."""
        assert self.daemon.alive, self.daemon.said
        return self.asks("pace")["held_back"] is not None

    def plays_out(self) -> None:
        """Let the story end, and with it the daemon, which has to end well."""
        self.asks("pace", {})
        assert self.daemon.ended(within=60) == 0, self.daemon.said

    # ---- the daemon

    @property
    def daemon(self) -> Background:
        return self._daemons[-1]

    def starts_daemon(self, *options: str) -> Background:
        self.starts_daemon_unwatched(*options).says("watching")
        return self.daemon

    def starts_daemon_unwatched(self, *options: str, **environ: str) -> Background:
        """Without waiting until it runs."""
        name = f"daemon-{len(self._daemons) + 1}"
        run = ("run", *options, "--config", str(self.config))
        self._daemons.append(Background(self.folder, name, *run, **environ))
        return self.daemon

    def adopts(self, *daemons: Background) -> None:
        """Daemons that were started elsewhere; the last one is the one that is meant from now on."""
        self._daemons += daemons

    def nobody_waits(self) -> None:
        """Of several daemons one has been killed or stopped: the clock waits for it no more."""
        self.asks("idle", method="DELETE")

    def kills_daemon(self) -> None:
        self.daemon.killed()
        self._deaths.append(self.clock["now"])

    # ---- people at the command line

    def types(self, *command: str, within: float = 60.0) -> Done:
        """A command with this stage's configuration, as a person types it."""
        done = run(*command, "--config", str(self.config), within=within)
        self._said.append(done.said)
        return done

    def begins(self, *command: str) -> Background:
        """The same, without waiting for its end."""
        self._typed.append(
            Background(self.folder, f"typed-{len(self._typed)}", *command, "--config", str(self.config))
        )
        return self._typed[-1]

    def document(self, *command: str) -> Any:
        done = self.types(*command, "--json")
        assert (done.code, done.err) == (0, ""), done
        return json.loads(done.out)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document("status")
        return found

    def rollout(self, release: str = "5.2.0") -> dict[str, Any]:
        """What `status` says of a release; empty where it says nothing."""
        rows = [row for row in self.status()["rollouts"] if row["release"] == release]
        return rows[0] if rows else {}

    def shows(self, phase: str) -> dict[str, Any]:
        """What `status` says of the release, which is in this phase or will be at once."""

        def shown() -> dict[str, Any]:
            row = self.rollout()
            return row if row.get("phase") == phase else {}

        return eventually(shown, within=20, what=f"the phase {phase}")

    def edits_config(self, change: Callable[[Any], None]) -> None:
        yaml = YAML()
        document = yaml.load(self.config)
        change(document)
        yaml.dump(document, self.config)

    def moves_to_server(self, url: str, password: str = "") -> None:
        """From the next start on the state is in this database."""
        if password:
            file = self.conf / "secrets" / "database"
            file.write_text(password, "utf-8")
            file.chmod(0o600)

        def change(document: Any) -> None:
            document["database"] = url
            if password:
                document["database_password"] = {"file": "secrets/database"}

        self.edits_config(change)

    # ---- the emulator, and what really happened

    def asks(self, name: str, body: dict[str, Any] | None = None, method: str = "") -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/_emulator/{name}", data, method=method or None)
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def breaks(self, service: str, kind: str, operation: str = "*", **more: Any) -> None:
        """Let a fault befall the next requests; `count=None`: until `heals`."""
        self.asks("faults", {"service": service, "kind": kind, "operation": operation, **more})

    def heals(self) -> None:
        self.asks("faults", method="DELETE")

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.asks("ledger")["ledger"] if record["type"] == kind]

    def requests(self, service: str) -> list[dict[str, Any]]:
        return [request for request in self.asks("ledger")["requests"] if request["service"] == service]

    def writes(self) -> list[str]:
        """Everything sent to the store that could change it."""
        sent = self.requests("google_play")
        return [r["path"] for r in sent if r["method"] == "PUT" or r["path"].endswith(":commit")]

    def served(self, release: str = "5.2.0", store: str = "", app: str = "") -> tuple[str, int]:
        """What people really get: status and share of users in ppm."""
        meant = [r for r in self.ledger("served") if store in ("", r["store"]) and app in ("", r["app"])]
        told = [r for r in meant if r["release"] == release]
        return told[-1]["status"], told[-1]["exposure_ppm"]

    def serves(self, status: str, exposure_ppm: int, *, within: float = 20.0) -> None:
        """Wait until people really get this."""
        wanted = (status, exposure_ppm)
        eventually(lambda: self.served() == wanted, within=within, what=f"serving {wanted}")

    def committed(self, code: str = "5020") -> list[tuple[str, int]]:
        """Every change of the release that our commits caused: status and percent, in order."""
        found = []
        for record in self.ledger("track"):
            before, after = (_find(record[side], code) for side in ("before", "after"))
            if record["account"] == OUR_ACCOUNT and after != before:
                found.append(after)
        return found

    def messages(self, *words: str, broadcast: bool | None = None) -> list[str]:
        """The messages that arrived in Slack (not edits) in which all of `words` stand."""
        records = [record for record in self.ledger("slack") if not record["update"]]
        texts = [json.dumps(r["blocks"]) + r["text"] for r in records if broadcast in (None, r["broadcast"])]
        return [text for text in texts if all(word in text for word in words)]

    # ---- the judge

    def judged(self) -> Verdict:
        """What the outside judge says of everything so far, secrets included."""
        folder = self.folder / "evidence"
        truth, now = self.asks("ledger"), self.clock["now"]
        setting = next(record for record in truth["ledger"] if record["type"] == "scenario")
        setting["until"] = now  # also where the story was left before its end
        _write_lines(folder / "ledger.jsonl", truth["ledger"])
        _write_lines(folder / "requests.jsonl", truth["requests"])
        _write_lines(folder / "journal.jsonl", self.document("history")["history"])
        _write_lines(folder / "people.jsonl", self._people())
        _write_lines(folder / "notices.jsonl", [])  # what arrived is in the ledger
        status = self.status()
        (folder / "rollouts.json").write_text(json.dumps(status), "utf-8")
        shutil.copy(self.conf / "scenario.yaml", folder)
        shutil.copytree(self.conf / "policies", folder / "policies", dirs_exist_ok=True)
        shutil.copytree(self.conf / "state", folder / "state", dirs_exist_ok=True)
        for said in self.folder.glob("*.out"), self.folder.glob("*.err"):
            for path in said:
                shutil.copy(path, folder)
        (folder / "typed.txt").write_text("\n".join(self._said), "utf-8")
        (folder / "deaths.txt").write_text("\n".join(self._deaths), "utf-8")
        (folder / "canaries.txt").write_text("\n".join(self.secrets()), "utf-8")
        return judge(read(folder))

    def _people(self) -> list[dict[str, Any]]:
        """Whom the configuration lists, with what it need not write."""
        listed = YAML(typ="safe", pure=True).load(self.config).get("people") or []
        usual: dict[str, Any] = {"os_user": "", "slack": "", "groups": [], "rights": ["raise", "approve"]}
        return [{**usual, **person} for person in listed]

    def secrets(self) -> list[str]:
        """Every secret that the configuration speaks of; of the key each line."""
        secrets = self.conf / "secrets"
        tokens = ("sentry-token", "slack-token", "slack-app-token", "sentry-dsn", "database")
        kept = [secrets / name for name in tokens if name != "database" or (secrets / name).exists()]
        found = [path.read_text("utf-8").strip() for path in kept]
        play, apple = secrets / "play.json", secrets / "AuthKey.p8"
        keys = [json.loads(play.read_text("utf-8"))["private_key"]] if play.exists() else []
        keys += [apple.read_text("utf-8")] if apple.exists() else []
        return [*found, *(line for key in keys for line in key.splitlines() if line and "-----" not in line)]

    def is_clean(self) -> Verdict:
        """The judge has nothing to say against it, and no notice is left to deliver."""
        verdict = self.judged()
        assert not verdict.findings, "\n".join(map(str, verdict.findings))
        left = json.loads((self.folder / "evidence" / "rollouts.json").read_text("utf-8"))
        assert left["notices_undelivered"] == 0
        return verdict


def _find(releases: list[dict[str, Any]], code: str) -> tuple[str, int] | None:
    for release in releases:
        if code in map(str, release.get("versionCodes", ())):
            share = 1.0 if release["status"] == "completed" else float(release.get("userFraction", 0))
            return release["status"], round(share * 100)
    return None


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
