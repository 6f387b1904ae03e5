"""Sources that installed packages bring along, through the entry-point group `stagedrollout.signals`.

A package that is not there, cannot be imported, or is no source is a mistake of the configuration, told in words before
anything runs. Whatever it does later is bounded in time (signals/patience.py) and never the end of a pass.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stagedrollout.config.options import read_options
from stagedrollout.config.signals import PluginSource
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.plain import one_line
from stagedrollout.signals.base import GROUP, CountSource, Setting, Source, ValueSource

_WORDS_MAX = 200


def opened(setting: Setting, plugin: PluginSource) -> Source:
    """The source that the package makes of this setting and its own options. Raises WrongConfiguration."""
    place = f"signal {setting.name}: source {plugin.source}"
    kind = _class_of(plugin.source, place)
    options = read_options(kind.Options, plugin.options, place=f"{place}: options")
    try:
        source = kind(replace(setting, options=options))
        declared = source.declared
    except WrongConfiguration:
        raise
    except Exception as mistake:
        raise WrongConfiguration(f"{place} cannot be used: {_words(mistake)}") from mistake
    if not isinstance(declared, Declaration):
        raise WrongConfiguration(f"{place} declares nothing: `declared` must be a Declaration")
    return source


def _class_of(source: str, place: str) -> type[Source]:
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
