"""What only the whole configuration can tell of a team's own signals: their names, and whether policies fit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document, Path
from stagedrollout.core.policy import Policy

_STORES = ("google_play", "app_store")


def signal_problems(document: Document, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    """Names that are there twice, and gates of an app's policy on signals that the app does not have."""
    for listing in _listings(document):
        first: dict[str, Path] = {}
        for place in _signals_of(document, listing):
            name = document.get(*place, "name")
            if not isinstance(name, str):
                continue
            if name in first:
                line = document.values[(*first[name], "name")][0]
                yield document.problem(
                    (*place, "name"), "another signal of this app has this name", f"see line {line}"
                )
            first.setdefault(name, place)
        yield from _ungated(document, listing, tuple(first), policies)


def signal_places(document: Document) -> Iterator[Path]:
    """Where each of the apps' own signals is written."""
    for listing in _listings(document):
        yield from _signals_of(document, listing)


def _ungated(
    document: Document, listing: Path, names: tuple[str, ...], policies: Mapping[str, Policy]
) -> Iterator[Problem]:
    here = (*listing[:2], "policy")
    policy = policies.get(str(document.get(*here)))
    for gate in policy.signals if policy else ():
        if gate.signal not in names:
            store = listing[-1]
            wrong = f"this policy has a gate on the signal {gate.signal}, which the app has not on {store}"
            yield document.problem(here, wrong, f"add it under {store}.signals, or name another policy")


def _listings(document: Document) -> Iterator[Path]:
    apps = document.get("apps")
    for index in range(len(apps)) if isinstance(apps, list) else ():
        for store in _STORES:
            if isinstance(document.get("apps", index, store), dict):
                yield ("apps", index, store)


def _signals_of(document: Document, listing: Path) -> Iterator[Path]:
    written = document.get(*listing, "signals")
    for index in range(len(written)) if isinstance(written, list) else ():
        if isinstance(document.get(*listing, "signals", index), dict):
            yield (*listing, "signals", index)
