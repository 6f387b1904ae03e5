"""/metrics in Prometheus' text format, written by prometheus-client, which is an extra and imported here only.

A page is made once a second at most, however many ask: with thousands of rollouts it takes a good part of a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from stagedrollout.daemon.watched.figures import Figure
from stagedrollout.daemon.watched.table import TABLE
from stagedrollout.daemon.watched.table import Metric as Row

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
INSTALL = 'there are no metrics without prometheus-client: pip install "stagedrollout[metrics]"'
FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 5.0
"""How long one who asks waits for the page that another one is having made."""


class NoPage(Exception):
    """There is none to be had, and why."""


class Page:
    """Safe from many threads. `figures` is asked whenever a page is made."""

    def __init__(self, figures: Callable[[], Iterable[Figure]]) -> None:
        self._figures = figures
        self._guard = threading.Lock()
        self._made_at = float("-inf")
        self._made = b""

    def content(self) -> bytes:
        """Raises NoPage."""
        if find_spec("prometheus_client") is None:
            raise NoPage(INSTALL)
        if not self._guard.acquire(timeout=PATIENCE_SECONDS):
            raise NoPage("another one is being made")
        try:
            if time.monotonic() - self._made_at >= FRESH_SECONDS:
                self._made, self._made_at = self._written(), time.monotonic()
            return self._made
        finally:
            self._guard.release()

    def _written(self) -> bytes:
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415

        collected = CollectorRegistry(auto_describe=False)
        collected.register(_collector(self._figures))
        ProcessCollector(registry=collected)  # memory, processor time and open files, as the library has them
        return generate_latest(collected)


def _collector(figures: Callable[[], Iterable[Figure]]) -> Collector:
    from prometheus_client.registry import Collector  # noqa: PLC0415

    class Ours(Collector):
        def collect(self) -> Iterator[Metric]:
            return iter(families(figures()))

    return Ours()


def families(figures: Iterable[Figure]) -> list[Metric]:
    """As the library wants them, in the table's order. A figure that is not in the table is a KeyError."""
    from prometheus_client.metrics_core import Metric  # noqa: PLC0415

    # the library puts `_total` behind a counter's name itself
    found = {row.name: Metric(row.name.removesuffix("_total"), row.help, row.kind) for row in TABLE}
    places: dict[str, Row] = {name: row for row in TABLE for name in _samples(row)}
    for name, values, value in figures:
        row = places[name]
        found[row.name].add_sample(name, dict(zip(row.labels, values, strict=True)), value)
    return [family for family in found.values() if family.samples]


def _samples(row: Row) -> tuple[str, ...]:
    return (f"{row.name}_count", f"{row.name}_sum") if row.kind == "summary" else (row.name,)
