"""What looking at a release and changing it costs at the store: calls, edits, bytes, time.

    python -m tests.bench stores [--json] [--codemagic FOLDER]

Each operation is carried out by the adapters over real loopback HTTP, against the emulator; beside it stands the same
by codemagic-cli-tools, where that is installed, in processes of its own. Calls, edits and what became of the other
releases are read from the emulator's ledger, bytes and time on the wire from a meter in between.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from stagedrollout.core.model import Change, Outcome, Settlement, StoreState, Verb
from stagedrollout.core.phasing import next_share
from stagedrollout.core.ports import StorePort
from stagedrollout.core.units import PPM_ALL
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY
from stagedrollout.stores.app_store import ApiKey, AppStore, AppStoreClient
from stagedrollout.stores.google_play import GooglePlay, PlayClient
from tests.bench import codemagic
from tests.bench.codemagic import Codemagic
from tests.bench.figure import aligned
from tests.bench.meter import Meter, certified, metered
from tests.bench.store_world import ACCOUNT, CODE, NEW, Stores, stores
from tests.judge.case import understand
from tests.judge.checks import siblings
from tests.judge.evidence import Evidence
from tests.simulation.setting import as_written

OURS, THEIRS = "stagedrollout", "codemagic-cli-tools"
ROUNDS, ROUNDS_THEIRS = 7, 3
CALLS_MOST = {
    (GOOGLE_PLAY, "look"): 4,
    (GOOGLE_PLAY, "raise"): 7,
    (GOOGLE_PLAY, "halt"): 7,
    (GOOGLE_PLAY, "complete"): 7,
    (APP_STORE, "look"): 1,
    (APP_STORE, "pause"): 3,
    (APP_STORE, "step"): 3,
    (APP_STORE, "complete"): 3,
}
"""Of ours."""

_ORDER = ("look", "raise", "pause", "halt", "step", "complete")
NUMBERS = ("calls", "tokens", "edits", "sent", "received", "ms", "wire_ms")
POLICY = "standard"
FIRST_SHARE_PPM = 10_000
"""Apple's, on the first day."""

EDITS_MOST = 2
NOTHING_LIKE_IT = "has no command for it"

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """One operation by one tool, the median of all rounds. `calls` are requests to the store; `tokens` those that only
    fetch an access token. `ms` is the whole operation (of THEIRS: processes from start to end), `wire_ms` the time that
    its connections were in use. `siblings` says which releases were changed that should not have been, by the ledger.
    """

    tool: str
    store: str
    operation: str
    calls: float = 0
    tokens: float = 0
    edits: float = 0
    sent: float = 0
    received: float = 0
    ms: float = 0
    wire_ms: float = 0
    siblings: tuple[str, ...] = ()
    note: str = ""

    @property
    def kept(self) -> bool:
        """Ours within its bounds, and no sibling changed."""
        if self.tool != OURS:
            return True
        within = self.calls <= CALLS_MOST[self.store, self.operation] and self.edits <= EDITS_MOST
        return within and not self.siblings


@dataclass(frozen=True, slots=True)
class Result:
    """`beside` says with what ours was compared, or why with nothing."""

    costs: tuple[Cost, ...]
    beside: str

    @property
    def kept(self) -> bool:
        return all(cost.kept for cost in self.costs)


def measure(folder: Path | None = None) -> Result:
    """`folder`: where codemagic-cli-tools' commands are; None: on PATH."""
    ours = tuple(_ours())
    commands = codemagic.installed(folder)
    if commands is None:
        return Result(ours, f"nothing: {THEIRS} is not installed (with pysocks), or say --codemagic FOLDER")
    try:
        theirs, version = _theirs(commands)
    except (RuntimeError, OSError, subprocess.SubprocessError) as failure:
        return Result(ours, f"nothing: {THEIRS} could not be measured ({failure}); is pysocks beside it?")
    return Result((*ours, *theirs), f"{THEIRS} {version}, unmodified, in processes of its own")


def _ours() -> Iterator[Cost]:
    with stores(ROUNDS) as world, metered(world.emulator.port) as meter:
        play = PlayClient(json.loads(world.keys.google), endpoint=meter.url)
        apple = AppStoreClient(
            ApiKey(world.keys.apple, world.keys.key_id, world.keys.issuer_id),
            clock=_Standing(world),
            endpoint=meter.url,
        )
        clock = _Standing(world)
        on_play = [
            _on_play(GooglePlay(package=p, track="production", client=play, clock=clock))
            for p in world.packages
        ]
        on_apple = [_on_apple(AppStore(app_id=app_id, client=apple, clock=clock)) for app_id in world.app_ids]
        for app in (on_play[0], on_apple[0]):
            app["look"]()  # fetches the token, which all of an account's apps share for an hour
        yield from _measured(world, meter, OURS, GOOGLE_PLAY, on_play)
        yield from _measured(world, meter, OURS, APP_STORE, on_apple)


def _theirs(commands: tuple[str, str]) -> tuple[list[Cost], str]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stagedrollout-bench-")))
        whole, trusted = certified(home)
        world = stack.enter_context(stores(ROUNDS_THEIRS))
        meter = stack.enter_context(metered(world.emulator.port, whole))
        tool = codemagic.surrounded(commands, world, proxy=meter.url, trusted=trusted, home=home)
        on_play = [_run(tool, tool.on_play(package)) for package in world.packages]
        on_apple = [_run(tool, tool.on_apple(*world.apple_ids(app_id))) for app_id in world.app_ids]
        none = Cost(THEIRS, GOOGLE_PLAY, "halt", note=NOTHING_LIKE_IT)
        play = list(_measured(world, meter, THEIRS, GOOGLE_PLAY, on_play))
        return [*play, none, *_measured(world, meter, THEIRS, APP_STORE, on_apple)], tool.version


def _run(tool: Codemagic, operations: Mapping[str, Any]) -> dict[str, Work]:
    return {name: lambda commands=commands: tool.run(commands) for name, commands in operations.items()}


class _Standing:
    """The emulator's time."""

    def __init__(self, world: Stores) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.world.timeline.now


class _Hand:
    """A store app in the hand of one pass after the other: each knows what the one before has seen."""

    def __init__(self, store: StorePort) -> None:
        self._store = store
        self._seen = ""

    def look(self) -> None:
        self._seen = self._store.read().fingerprint

    def apply(self, verb: Verb, release_id: str, exposure_ppm: int) -> None:
        self._take(self._store.apply(Change(verb, release_id, exposure_ppm), self._seen, lambda: None))

    def halt(self, release_id: str) -> None:
        self._take(self._store.halt(release_id))

    def _take(self, outcome: Outcome) -> None:
        """Raises RuntimeError for a change that was not brought about: its costs would mean nothing."""
        if outcome.settlement is not Settlement.CONFIRMED or not isinstance(outcome.state, StoreState):
            raise RuntimeError(f"{outcome.settlement.value}: {outcome.detail}")
        self._seen = outcome.state.fingerprint


def _on_play(store: StorePort) -> dict[str, Work]:
    """In the order in which one release can go through them; one with an underscore is not counted."""
    hand, release = _Hand(store), str(CODE)
    return {
        "look": hand.look,
        "raise": lambda: hand.apply(Verb.RAISE, release, 50_000),
        "halt": lambda: hand.halt(release),
        "_resume": lambda: hand.apply(Verb.RESUME, release, 50_000),
        "complete": lambda: hand.apply(Verb.COMPLETE, release, PPM_ALL),
    }


def _on_apple(store: StorePort) -> dict[str, Work]:
    hand = _Hand(store)
    return {
        "look": hand.look,
        "pause": lambda: hand.halt(NEW),
        "step": lambda: hand.apply(Verb.STEP, NEW, next_share(FIRST_SHARE_PPM)),
        "complete": lambda: hand.apply(Verb.COMPLETE, NEW, PPM_ALL),
    }


def _measured(
    stores_: Stores, meter: Meter, tool: str, store: str, apps: Sequence[Mapping[str, Work]]
) -> Iterator[Cost]:
    """Each operation over all the apps, one after the other."""
    for operation in apps[0]:
        costs = [_measure(stores_, meter, Cost(tool, store, operation), app[operation]) for app in apps]
        if not operation.startswith("_"):
            yield _middle(costs)


def _measure(stores_: Stores, meter: Meter, named: Cost, work: Work) -> Cost:
    ledger = stores_.world.ledger
    before, told = len(ledger.requests), len(ledger.entries)
    with meter.reading() as traffic:
        began = time.perf_counter()
        work()
        ms = (time.perf_counter() - began) * 1_000
    asked = ledger.requests[before:]
    return replace(
        named,
        calls=sum(request["service"] == named.store for request in asked),
        tokens=sum(request["service"] == "oauth" for request in asked),
        edits=sum(request["method"] == "POST" and request["path"].endswith("/edits") for request in asked),
        sent=traffic.sent,
        received=traffic.received,
        ms=ms,
        wire_ms=traffic.milliseconds,
        siblings=_siblings(ledger.entries, told),
    )


def _siblings(ledger: Sequence[Mapping[str, Any]], since: int) -> tuple[str, ...]:
    """What the outside judge says of the changes of the track since then."""
    evidence = Evidence(
        ledger=[entry for place, entry in enumerate(ledger) if place >= since or entry["type"] == "scenario"],
        requests=(),
        journal=(),
        notices=(),
        rollouts=(),
        policies={POLICY: as_written(POLICY)},
        account=ACCOUNT,
    )
    return tuple(finding.text for finding in siblings.check(understand(evidence)))


def _middle(costs: Sequence[Cost]) -> Cost:
    """The medians; what became of the siblings is the same each time, or all of it."""
    numbers = {name: median(getattr(cost, name) for cost in costs) for name in NUMBERS}
    told = dict.fromkeys(text for cost in costs for text in cost.siblings)
    return replace(costs[0], **numbers, siblings=tuple(told))


def as_json(result: Result) -> str:
    rows = [asdict(cost) | {"kept": cost.kept} for cost in result.costs]
    return json.dumps({"operations": rows, "beside": result.beside, "kept": result.kept}, indent=2)


def table(result: Result) -> str:
    """One line for each operation and tool, ours with its bound, and what became of the siblings."""
    rows = [
        ("store", "operation", "by", "calls", "tokens", "edits", "sent", "received", "ms", "on the wire", "")
    ]
    in_order = sorted(
        result.costs, key=lambda cost: (cost.store != GOOGLE_PLAY, _ORDER.index(cost.operation))
    )
    rows += [(cost.store, cost.operation, cost.tool, *_cells(cost)) for cost in in_order]
    dropped = [
        f"{cost.store} {cost.operation} by {cost.tool}: {text}"
        for cost in result.costs
        for text in cost.siblings
    ]
    head = (
        f"median of {ROUNDS} (of {THEIRS}: {ROUNDS_THEIRS}), bytes and milliseconds; beside: {result.beside}"
    )
    told = ("", "siblings changed, by the ledger:", *dropped) if dropped else ()
    return "\n".join((head, "", aligned(rows), *told))


def _cells(cost: Cost) -> tuple[str, ...]:
    if cost.note:
        return ("", "", "", "", "", "", "", cost.note)
    bound = f"at most {CALLS_MOST[cost.store, cost.operation]} calls, " if cost.tool == OURS else ""
    verdict = f"{bound}{'kept' if cost.kept else 'MISSED'}" if bound else ""
    counts = (cost.calls, cost.tokens, cost.edits, cost.sent, cost.received)
    return (*(f"{count:g}" for count in counts), f"{cost.ms:.0f}", f"{cost.wire_ms:.0f}", verdict)
