"""A thousand apps on two stores and in Sentry, cheap enough not to be what a measurement measures: a process of its own.

One app on each store is emulated (`stagedrollout.emulator`), lives through three days under a real daemon, and is asked each
question once, and once a minute what people do with it. That answer serves every app that asks the same: names have equal
lengths, so one is put in place of the other. An edit gets an id of its own each time. Every answer is kept back for `latency` seconds, without a thread that
waits. When a look at a store app begins is kept, and told once, at `/_bench/looks`; `/_bench/hang/STORE` makes one store
answer nothing more.

`python -m tests.bench.scale_stores FOLDER LATENCY` prints one JSON line, then serves until it is told to end.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from stagedrollout.config.shipped import policies_folder
from stagedrollout.emulator.request import Request, Response
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import write_config
from tests.bench.emulated import daemon
from tests.bench.scale_base import PER_PROJECT

DAYS = 3
"""How long each rollout has been out; its journal and its ledger are those of a daemon that watched for so long."""

APPLE_FIRST, MODEL = 6_448_300_000, "0000"
PLAY, APPLE = "google_play", "app_store"

_STORY = """\
name: model
story: One app on each store, out for {days} days.
seed: 1
start: {start:%Y-%m-%dT%H:%M:%SZ}
until: {days}d
poll: 15m
policy: ./scale.yaml
apps:
"""
_APP = """\
  - name: app-0000
    package: com.acme.app0000
    population: 200000
    {place}
    releases:
      - {{version: 5.1.0, code: 5010, crash_free: 99.8}}
      - {{version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {{at: 0h, {share}review: 0h}}}}
"""
_PLACES = (("track: production", "percent: 1, "), (f'store: app_store\n    app_id: "{APPLE_FIRST}"', ""))

_NAMED = re.compile(r"(?:(?<=app)|(?<=app-)|(?<=644830))\d{4}(?!\d)")
_TEAM = re.compile(r"team-(\d{3})")
_EDIT = re.compile(r"(?<=/edits/)\d+")
_LOOKS = {
    re.compile(r"POST /androidpublisher/v3/applications/com\.acme\.app(\d{4})/edits\?"): PLAY,
    re.compile(r"GET /v1/apps/644830(\d{4})/appStoreVersions\?.*include="): APPLE,
}
"""What a look at a store app begins with."""

_ROOTS = {PLAY: "/androidpublisher/", APPLE: "/v1/"}


def lived_through(folder: Path) -> tuple[World, Path]:
    """The model's world, as it is now, and the configuration of the daemon that watched it."""
    now = datetime.now(UTC)
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    (folder / "scale.yaml").write_text(_policy())
    story = folder / "model.yaml"
    apps = "".join(_APP.format(place=place, share=share) for place, share in _PLACES)
    story.write_text(_STORY.format(days=DAYS, start=start) + apps)
    with serve(load_scenario(str(story))) as running:
        config = write_config(folder / "model", running.world, url=running.url, policies=policies_folder())
        with daemon(config) as process:
            if process.wait():
                raise RuntimeError(f"the daemon ended with exit code {process.returncode}")
    return running.world, config


def _policy() -> str:
    """`standard`, but that nothing is due while it is measured, at whatever time of the day and week."""
    text = (policies_folder() / "standard.yaml").read_text("utf-8")
    text = text.replace("  mode: guarded", "  mode: follow")
    return text.replace("    bake: 24h ", "    bake: 14d ")


class Stores:
    """Answers for all apps. Lives in one thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[str, str, bytes, int], Response] = {}
        self._edits = count(10**19)
        self._edit = ""
        self.looks: list[tuple[float, str, str]] = []
        """When, on which store, and which app's."""

        self.hanging: set[str] = set()
        self.asked: Counter[str] = Counter()
        """Requests by what their path begins with."""

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response | None:
        """None: no answer ever comes."""
        if target.startswith("/_bench/"):
            return self._told(target)
        self.asked[target.split("/")[1]] += 1
        self._note(f"{method} {target}")
        if any(target.startswith(_ROOTS[store]) for store in self.hanging):
            return None
        if "/sessions/" in target:
            return self._counted(target, headers)
        found = _NAMED.search(target)
        number = found[0] if found else MODEL
        meant = _EDIT.sub(self._edit, _NAMED.sub(MODEL, target))
        response = self._model(method, meant, headers, body)
        return self._own(response, number, opens=method == "POST" and "/edits?" in target)

    def _counted(self, target: str, headers: dict[str, str]) -> Response:
        """What the model has, for each app that is asked about; for all of the project where none is named."""
        team = int(_TEAM.search(target)[1])  # type: ignore[index] # there is always one
        path, _, asked = _TEAM.sub(f"app-{MODEL}", target).partition("?")
        params = parse_qs(asked)
        names = list(dict.fromkeys(_NAMED.sub(MODEL, name) for name in params.get("query", ())))
        named = dict.fromkeys(_NAMED.findall(params["query"][0]) if names else ())
        if names:
            releases = dict.fromkeys(re.findall('"[^"]+"', names[0]))
            params["query"] = [f"release:[{','.join(releases)}]"]
        response = self._model("GET", f"{path}?{urlencode(params, doseq=True)}", headers, b"")
        numbers = named or [f"{team * PER_PROJECT + each:04d}" for each in range(PER_PROJECT)]
        told = json.loads(response.body)
        if response.status >= 300:
            return response
        groups = json.dumps(told.pop("groups"))[1:-1]
        of_all = ", ".join(_NAMED.sub(number, groups) for number in numbers)
        body = f'{json.dumps(told)[:-1]}, "groups": [{of_all}]}}'
        return Response(response.status, response.headers, body.encode())

    def _model(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        if method == "DELETE":  # the model's edit is everybody's
            return Response(204, {}, b"")
        # what is counted goes on: each look finds other numbers in the newest hours, as it does in earnest
        minute = int(time.time() // 60) if "/sessions/" in target else 0
        key = (method, target, body, minute)
        known = self._known.get(key)
        if known is None:
            self._world.timeline.advance(datetime.now(UTC))
            path, _, query = target.partition("?")
            asked = Request(method, path, parse_qs(query, keep_blank_values=True), headers, body)
            known = self._world.handle(asked)
            if known.status < 300 and "oauth" not in path:
                self._known[key] = known
            if known.status >= 300:
                print(method, target, known.status, known.body[:300], file=sys.stderr, flush=True)
            if path.endswith("/edits"):
                self._edit = json.loads(known.body)["id"]
        return known

    def _own(self, response: Response, number: str, *, opens: bool) -> Response:
        body = response.body
        if number != MODEL:
            body = re.sub(rb"(?:(?<=app)|(?<=app-)|(?<=644830))0000(?!\d)", number.encode(), body)
        if opens:
            body = body.replace(self._edit.encode(), str(next(self._edits)).encode())
        return Response(response.status, response.headers, body)

    def _note(self, asked: str) -> None:
        for pattern, store in _LOOKS.items():
            if found := pattern.match(asked):
                self.looks.append((time.time(), store, found[1]))

    def _told(self, target: str) -> Response:
        match target.split("/")[2:]:
            case ["looks"]:
                told = {"looks": self.looks, "asked": self.asked}
                self.looks, self.asked = [], Counter()
                return Response(200, {}, json.dumps(told).encode())
            case ["hang", store]:
                self.hanging.add(store)
            case ["go_on"]:
                self.hanging.clear()
        return Response(200, {}, b"{}")


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as our clients speak it: one request at a time, its length told."""

    def __init__(self, stores: Stores, latency: float) -> None:
        self._stores, self._latency = stores, latency
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, rest = self._read.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._read = rest[length:]
        method, target, _ = first.split(" ")
        response = self._stores.answer(method, target, headers, rest[:length])
        if response is not None:
            latency = 0.0 if target.startswith("/_bench/") else self._latency
            asyncio.get_running_loop().call_later(latency, self._send, response)

    def _send(self, response: Response) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        kept = {name: value for name, value in response.headers.items() if name not in _PER_ANSWER}
        told = {**kept, "date": format_datetime(datetime.now(UTC), usegmt=True)}
        if response.status != 204:
            told["content-length"] = str(len(response.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._transport.write(
            f"HTTP/1.1 {response.status} OK\r\n{head}\r\n".encode("latin-1") + response.body
        )


_PER_ANSWER = ("content-length", "date", "connection", "transfer-encoding")


async def _serve(stores: Stores, latency: float, config: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Connection, stores, latency), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}", "config": str(config)}), flush=True)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


def main() -> None:
    folder, latency = Path(sys.argv[1]), float(sys.argv[2])
    world, config = lived_through(folder)
    asyncio.run(_serve(Stores(world), latency, config))


if __name__ == "__main__":
    main()
