"""What a shell may complete beside commands and options: apps, stores, releases, policies, verbs.

Names come from the configuration as far as it can be read, and from the database if there is one. Whatever is wrong
with either, nothing is offered and nothing is said: a shell's line is no place for it. Only the standard library's
SQLite is asked, since SQLAlchemy alone takes longer than a person waits for a TAB.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_RELEASES = "SELECT app, store, label, release_id FROM rollout ORDER BY updated_us DESC"
_WAIT_SECONDS = 0.1
_TYPE_STORE = ("google_play", "app_store")


def app_argument(**attributes: Any) -> Decorator:
    """The argument APP."""
    return click.argument("app", shell_complete=apps, **attributes)


def store_option(help_text: str) -> Decorator:
    return click.option("--store", default="", shell_complete=stores, help=help_text)


def release_option(help_text: str) -> Decorator:
    return click.option("--release", default="", shell_complete=releases, help=help_text)


def policy_option(help_text: str) -> Decorator:
    return click.option("--policy", default="", shell_complete=policies, help=help_text)


def apps(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    known = [*_names(context).apps, *(row[0] for row in _rows(context))]
    return _items(known, typed)


def stores(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Those of the app, where it was typed already."""
    its = _names(context).apps.get(_app(context), ())
    return _items(its or _TYPE_STORE, typed)


def releases(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Versions, and builds once their beginning was typed; of the app and the store that were typed already."""
    app, store = _app(context), context.params.get("store") or ""
    meant = [row for row in _rows(context) if app in ("", row[0]) and store in ("", row[1])]
    labels = [row[2] for row in meant]
    return _items([*labels, *(row[3] for row in meant if typed)], typed)


def policies(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    return _items(_names(context).policies, typed)


def _app(context: click.Context) -> str:
    """The app that was typed. Where the line ends in an option that still lacks its value, click has read none of the
    arguments, and keeps them aside."""
    return str(context.params.get("app") or next(iter(context.args), ""))


def _items(known: Any, typed: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in dict.fromkeys(known) if name.startswith(typed) and _plain(name)]


def _plain(name: str) -> bool:
    """Completions travel line by line; a foreign name must not make two of one."""
    return name.isprintable() and bool(name)


def _config(context: click.Context) -> Path:
    """What was typed, or the environment says, or the usual place."""
    given = context.params.get("config")
    if given is None:
        option = next((each for each in context.command.params if each.name == "config"), None)
        given = option.get_default(context) if option else None
    return Path(str(given or "stagedrollout.yaml"))


def _names(context: click.Context) -> Any:
    from stagedrollout.config.names import Names, names  # noqa: PLC0415

    try:
        return names(_config(context))
    except Exception:  # noqa: BLE001 - the verdict: nothing to offer, and no place to say why
        return Names({}, ())


def _rows(context: click.Context) -> Iterator[tuple[str, str, str, str]]:
    """App, store, version and build of every rollout, the newest first; none where they cannot be read."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415

    try:
        file = database_url(_config(context)).removeprefix("sqlite:///")
        address = f"{Path(file).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)) as connection:
            rows = connection.execute(_RELEASES).fetchall()
    except Exception:  # noqa: BLE001 - as above
        return iter(())
    return ((str(app), str(store), str(label), str(build)) for app, store, label, build in rows)
