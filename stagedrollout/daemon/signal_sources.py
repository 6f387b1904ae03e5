"""From the configuration to a team's own signals: sources of ours, and those that installed packages bring along.

A package that is not there, cannot be imported, or is no source is a mistake of the configuration, told in words before
anything runs. Whatever it does later is bounded in time (signals/patience.py) and never the end of a pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stagedrollout.config.load import Loaded
from stagedrollout.config.options import read_options
from stagedrollout.config.signals import PluginSource, SignalSettings
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Store
from stagedrollout.core.plain import one_line
from stagedrollout.core.ports import NamedCounts, NamedValues
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.named_signals import SECONDS_MAX
from stagedrollout.http.client import HttpClient, Limits
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.signals.base import GROUP, CountSource, Setting, Source, ValueSource
from stagedrollout.signals.compared import ComparedCounts, ComparedValues
from stagedrollout.signals.patience import Patience

BYTES_MAX = 2 * 1024 * 1024
"""Of one answer. Some hundred hours of a few series take some ten thousand."""

_WORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class OwnSignals:
    """The signals of one app in one store, by what they bring."""

    counts: tuple[NamedCounts, ...] = ()
    values: tuple[NamedValues, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens the sources of a configuration."""

    loaded: Loaded
    doors: Doors

    def of(self, app: str, store: Store, signals: Iterable[SignalSettings]) -> OwnSignals:
        """`app`: package name or bundle id. Raises WrongConfiguration."""
        counts, values = list[NamedCounts](), list[NamedValues]()
        for written in signals:
            source, patience = self._open(app, store, written)
            if isinstance(source, CountSource):
                counts.append(ComparedCounts(source, patience))
            elif isinstance(source, ValueSource):
                values.append(ComparedValues(source, patience))
        return OwnSignals(tuple(counts), tuple(values))

    def _open(self, app: str, store: Store, written: SignalSettings) -> tuple[Source, Patience | None]:
        if written.plugin is None:
            raise WrongConfiguration(f"signal {written.name}: it names no source")
        return self._plugin(app, store, written.name, written.plugin), Patience(written.name, SECONDS_MAX)

    def _plugin(self, app: str, store: Store, name: str, plugin: PluginSource) -> Source:
        place = f"signal {name}: source {plugin.source}"
        kind = _class_of(plugin.source, place)
        options = read_options(kind.Options, plugin.options, place=f"{place}: options")
        setting = Setting(name=name, app=app, store=store, options=options, http=self._http(name, plugin))
        try:
            source = kind(setting)
            declared = source.declared
        except WrongConfiguration:
            raise
        except Exception as mistake:
            raise WrongConfiguration(f"{place} cannot be used: {_words(mistake)}") from mistake
        if not isinstance(declared, Declaration):
            raise WrongConfiguration(f"{place} declares nothing: `declared` must be a Declaration")
        return source

    def _http(self, name: str, plugin: PluginSource) -> HttpClient | None:
        if not plugin.url:
            return None
        token = self.loaded.secret(plugin.token) if plugin.token else None
        return HttpClient(
            Endpoint(f"signal {name}", plugin.url, plugin.allow_http),
            authorization=(lambda: f"Bearer {token.reveal()}") if token else None,
            limits=self.limits,
            transport=self.doors.http,
        )

    @property
    def limits(self) -> Limits:
        """Of every client of such a signal: a pass waits for it."""
        timeout = self.loaded.settings.limits.http_timeout.total_seconds()
        return Limits(timeout_seconds=min(SECONDS_MAX, timeout), bytes_max=BYTES_MAX)


def _class_of(source: str, place: str) -> type[Source]:
    """Raises WrongConfiguration."""
    found = _installed(source, place)
    try:
        kind: Any = found.load()
    except Exception as mistake:
        raise WrongConfiguration(f"{place} cannot be imported: {_words(mistake)}") from mistake
    if not (isinstance(kind, type) and issubclass(kind, (CountSource, ValueSource))):
        raise WrongConfiguration(f"{place} is no CountSource and no ValueSource (stagedrollout.signals.base)")
    return kind


def _installed(source: str, place: str) -> EntryPoint:
    installed = entry_points(group=GROUP)
    found = [each for each in installed if each.name == source]
    if len(found) == 1:
        return found[0]
    if found:
        packages = ", ".join(sorted(each.dist.name if each.dist else each.value for each in found))
        raise WrongConfiguration(f"{place} is there more than once: {packages}; remove all but one")
    names = ", ".join(sorted({each.name for each in installed})) or "none"
    raise WrongConfiguration(f"{place} is not installed (installed in the group {GROUP}: {names})")


def _words(mistake: Exception) -> str:
    return f"{type(mistake).__name__}: {one_line(str(mistake))[:_WORDS_MAX]}"
