"""The address of the database, and what else a halt needs of a file that may be broken elsewhere.

pydantic stays out of here (a third of a second); a test watches over that.
"""

from __future__ import annotations

from pathlib import Path

from stagedrollout.config.fields import read_database
from stagedrollout.config.problems import Problem, refusal
from stagedrollout.config.secrets import SecretRef, read_ref
from stagedrollout.config.yaml_source import read_document
from stagedrollout.config.yaml_tree import Document
from stagedrollout.http.database import SQLITE, handed_on

STATE = "state"
"""The folder beside the configuration for what belongs to the database of a server, but stands outside of it."""

STORES = ("google_play", "app_store")
"""The sections of an app that are stores."""


def database_url(path: str | Path) -> str:
    """The `database` of a configuration file, resolved. Raises WrongConfiguration; reads no other key."""
    document, problems = read_document(Path(path))
    if document is None:
        raise refusal(problems)
    if problem := _unusable(document):
        raise refusal([problem])
    password = document.get("database_password")
    state = document.get("state")
    return resolved(
        document.get("database"),
        Path(path).parent,
        state=state if isinstance(state, str) and state else STATE,
        password=read_ref(password) if password is not None else None,
    )


def listed(path: str | Path) -> tuple[tuple[str, str], ...]:
    """Every app with each store that the file names for it, as written; empty where even that cannot be read."""
    document, _ = read_document(Path(path))
    apps = document.get("apps") if document else None
    found = [each for each in apps if isinstance(each, dict)] if isinstance(apps, list) else []
    named = [(each.get("name"), each) for each in found]
    return tuple(
        (name, store)
        for name, each in named
        for store in STORES
        if isinstance(name, str) and name and isinstance(each.get(store), dict)
    )


def stores_of(path: str | Path, app: str) -> tuple[str, ...]:
    """The stores that the file names for an app, as written; empty where even that cannot be read."""
    return tuple(dict.fromkeys(store for name, store in listed(path) if name == app))


def _unusable(document: Document) -> Problem | None:
    place = ("database",)
    written = document.get(*place)
    if not isinstance(written, str):
        return document.problem(
            place, "`database` is missing", "add it, like sqlite:///state/stagedrollout.db"
        )
    try:
        read_database(written)
        place = ("database_password",)
        if document.get(*place) is not None:
            read_ref(document.get(*place))
    except ValueError as error:
        return document.problem(place, "this value cannot be used", str(error))
    return None


def resolved(url: str, base_dir: Path, *, state: str = STATE, password: SecretRef | None = None) -> str:
    """sqlite:///state/x.db is relative to the configuration's folder; sqlite:////var/x.db stays. Of a server the folder
    of its state, and where its password stands, are added (http/database.py)."""
    if not url.startswith(SQLITE):
        folder = str(base_dir.absolute() / state)
        return handed_on(url, state=folder, password=_stands(password, base_dir.absolute()))
    return f"{SQLITE}{base_dir.absolute() / url.removeprefix(SQLITE)}"


def _stands(password: SecretRef | None, base_dir: Path) -> tuple[str, str]:
    if password is None:
        return "", ""
    if password.file:
        return "file", str(base_dir / password.file)
    return ("env", password.env) if password.env else ("credential", password.credential)
