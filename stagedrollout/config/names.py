"""The names that a configuration speaks of, without checking it: what a shell completes, and what was nearly typed.

Nothing here raises, and pydantic stays out of here: whoever presses TAB waits for it, and a broken file has its
names all the same as far as it can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagedrollout.config.database import STORES
from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import read_document


@dataclass(frozen=True, slots=True)
class Names:
    """The apps in the order of the file, each with the stores it is on, and every policy that could be meant."""

    apps: dict[str, tuple[str, ...]]
    policies: tuple[str, ...]


def names(path: Path) -> Names:
    """As far as the file can be read; nothing where it cannot."""
    document, _ = read_document(path)
    apps = _mappings(document.get("apps")) if document else []
    named = {each["name"]: _stores(each) for each in apps if isinstance(each.get("name"), str)}
    folders = document.get("policies") if document else None
    return Names(named, _policies(path.parent, folders))


def _mappings(written: Any) -> list[dict[str, Any]]:
    return [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []


def _stores(app: dict[str, Any]) -> tuple[str, ...]:
    return tuple(store for store in STORES if isinstance(app.get(store), dict))


def _policies(base: Path, written: Any) -> tuple[str, ...]:
    given = written if isinstance(written, list) else [written]
    folders = [base / each for each in given if isinstance(each, str)]
    files = [file for folder in (*folders, policies_folder()) for file in _yaml(folder)]
    return tuple(sorted({file.stem for file in files}))


def _yaml(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.suffix in (".yaml", ".yml")]
    except OSError:
        return []
