"""The configuration as a whole: read, checked and handed over, or refused with every problem of all files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from stagedrollout.config import shapes
from stagedrollout.config.crosscheck import cross_check
from stagedrollout.config.crosscheck_calendars import calendar_problems
from stagedrollout.config.crosscheck_people import people_problems
from stagedrollout.config.crosscheck_signals import signal_problems
from stagedrollout.config.database import resolved
from stagedrollout.config.dead_man import unusable_dead_man
from stagedrollout.config.dsn import unusable_dsn
from stagedrollout.config.policies import Shelf, read_policies
from stagedrollout.config.problems import Problem, Problems, joined, refusal
from stagedrollout.config.reading import read_into, texts_quoted
from stagedrollout.config.secrets import Secret, SecretRef, Unusable, read_ref, read_secret, resolve
from stagedrollout.config.settings import ClockSource, Settings
from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import read_document
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without problems. `settings.database` is resolved; `policies` has every known one."""

    settings: Settings
    policies: dict[str, Policy]
    path: Path
    environ: Mapping[str, str] = field(repr=False)

    def secret(self, ref: SecretRef) -> Secret:
        """Read one secret now. Raises WrongConfiguration."""
        return resolve(ref, self.path.parent, environ=self.environ)

    @property
    def heartbeat_file(self) -> Path | None:
        """Where the daemon's sign of life is; None without one."""
        name = self.settings.health.heartbeat_file
        return self.path.parent / name if name else None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the team's own policies are."""
        return tuple(self.path.parent / name for name in self.settings.policies)

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that the settings speak of, to keep it out of what is written. Raises WrongConfiguration."""
        return tuple(self.secret(ref) for ref in dict.fromkeys(_references(self.settings)))


def _references(value: Any) -> Iterator[SecretRef]:
    """Every reference to a secret in a part of the settings."""
    if isinstance(value, SecretRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _references(item)
    elif is_dataclass(value):
        for entry in fields(value):
            yield from _references(getattr(value, entry.name))


@dataclass(frozen=True, slots=True)
class _Found:
    document: Document | None
    settings: Settings | None
    shelf: Shelf
    problems: list[Problem]


def load(path: str | Path, *, environ: Mapping[str, str]) -> Loaded:
    """Settings and policies. Secrets are left alone: who may read the settings need not be the daemon.

    Raises WrongConfiguration with every problem of every file.
    """
    return _loaded(_find(Path(path)), [], Path(path), environ)


def load_with_secrets(path: str | Path, *, environ: Mapping[str, str]) -> Loaded:
    """Like `load`, for whoever is about to use the secrets: unreadable ones are among the problems."""
    found = _find(Path(path))
    return _loaded(found, list(_unreadable(found.document, Path(path), environ)), Path(path), environ)


def check(path: str | Path, *, environ: Mapping[str, str]) -> list[Problem]:
    """Every problem, secrets included; touches no network. Empty: `run` would start."""
    found = _find(Path(path))
    return list(Problems.sorted([*found.problems, *_unreadable(found.document, Path(path), environ)]))


def _loaded(found: _Found, more: list[Problem], path: Path, environ: Mapping[str, str]) -> Loaded:
    if found.settings is None or found.problems or more:
        raise refusal([*found.problems, *more])
    read = found.settings
    database = resolved(read.database, path.parent, state=read.state, password=read.database_password)
    settings = replace(read, database=database)
    return Loaded(settings, found.shelf.policies, path, environ)


def _find(path: Path) -> _Found:
    document, problems = read_document(path)
    if document is None:
        return _Found(None, None, Shelf(), problems)
    problems = texts_quoted(Settings, document, problems)
    settings, wrong = read_into(Settings, document)
    folders, missing = _folders(document, path.parent)
    shelf = read_policies(policies_folder(), folders)
    across = [
        *cross_check(document, shelf.files, shelf.policies),
        *signal_problems(document, shelf.policies),
        *people_problems(document, shelf.policies),
        *calendar_problems(document, shelf.documents),
    ]
    problems = joined(joined(problems, wrong), [*missing, *shelf.problems, *across])
    return _Found(document, settings, shelf, problems)


def _folders(document: Document, base_dir: Path) -> tuple[list[Path], list[Problem]]:
    """The folders that can be looked into, and what is wrong with the others."""
    folders: list[Path] = []
    problems: list[Problem] = []
    written = document.get("policies")
    for index, name in enumerate(written if isinstance(written, list) else ()):
        if not isinstance(name, str) or not name:
            continue
        folder = base_dir / name
        try:
            next(folder.iterdir(), None)
        except OSError as error:
            right = "name a folder, relative to this file's"
            why = f"cannot be looked into: {(error.strerror or 'unreadable').lower()}"
            problems.append(document.problem(("policies", index), why, right))
        else:
            folders.append(folder)
    return folders, problems


def _unreadable(document: Document | None, path: Path, environ: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for each well-formed reference that gives no secret; malformed ones are found elsewhere."""
    if document is None:
        return
    for place in shapes.places(Settings, document.data, SecretRef):
        try:
            ref = read_ref(document.get(*place))
        except ValueError:
            continue
        found = read_secret(ref, path.parent, environ=environ)
        if isinstance(found, Secret) and place in _JUDGED:
            found = _JUDGED[place](found, ref, _clock(document)) or found
        if isinstance(found, Unusable):
            yield document.problem(place, found.wrong, found.right)


_JUDGED = {
    ("health", "sentry_dsn"): unusable_dsn,
    ("health", "dead_man_url"): unusable_dead_man,
}
"""Secrets that have to be of a kind."""


def _clock(document: Document) -> ClockSource:
    return ClockSource.EMULATOR if document.get("clock") == "emulator" else ClockSource.SYSTEM
