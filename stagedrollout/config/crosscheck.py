"""What only the whole configuration can tell: names that must exist, sections that belong together.

These checks look at the plain document, so that they speak also when some other part of it is wrong: a person
should see every problem at once.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping

from stagedrollout.config.addresses import address_problems
from stagedrollout.config.database import resolved
from stagedrollout.config.problems import Problem, nearest
from stagedrollout.config.yaml_tree import Document, Path
from stagedrollout.core.linking import AFTER
from stagedrollout.core.model import Store
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import percentage
from stagedrollout.http.database import SERVER, SQLITE

_BESIDE_DATABASE = ("", "-wal", "-shm", "-journal", ".lock")
"""The ends of the names that belong to a database file."""

_STORES = ("google_play", "app_store")

_USUAL_TRACK = "production"
_INTERNAL = {"qa": "internal"}
"""The internal track has two names (google-play.md section 3)."""


def cross_check(
    document: Document, policy_names: Iterable[str], policies: Mapping[str, Policy]
) -> Iterator[Problem]:
    """Every problem between the parts of the settings; none about the form of a single part.

    `policies`: those that could be read.
    """
    known = tuple(policy_names)
    apps = document.get("apps")
    indices = range(len(apps)) if isinstance(apps, list) else range(0)
    if apps == []:
        yield document.problem(("apps",), "there is no app", "add one: name, policy and a store")
    for index in indices:
        yield from _stores(document, index)
        yield from _policy(document, index, known)
        yield from _countries(document, index)
        yield from _link(document, index, policies)
    yield from _repeated(
        document, [("apps", index, "name") for index in indices], "another app has this name"
    )
    yield from _tracks(document, indices)
    yield from _fallback(document)
    yield from _heartbeat(document)
    yield from _listen(document)
    yield from _driver(document)
    for key in ("app_id", "bundle_id"):
        places: list[Path] = [("apps", index, "app_store", key) for index in indices]
        yield from _repeated(document, places, f"another app has this {key}")
    yield from address_problems(document)


def _tracks(document: Document, indices: Iterable[int]) -> Iterator[Problem]:
    """Two apps may share a package, each with a track of its own; they take turns (stores/google_play/turns.py)."""
    first: dict[tuple[str, str], int] = {}
    for index in indices:
        here: Path = ("apps", index, "google_play", "package")
        package, track = document.get(*here), document.get("apps", index, "google_play", "track")
        if not isinstance(package, str):
            continue
        one = (package, _INTERNAL.get(track, track) if isinstance(track, str) else _USUAL_TRACK)
        if one in first:
            yield document.problem(
                here, "another app has this package and this track", f"see line {first[one]}"
            )
        first.setdefault(one, document.values[here][0])


def _fallback(document: Document) -> Iterator[Problem]:
    place = ("slack", "fallback_channel")
    second = document.get(*place)
    if isinstance(second, str) and second == document.get("slack", "channel"):
        right = "name another channel, or remove it: urgent notices then go to the log"
        yield document.problem(place, "this is the same channel", right)


def _heartbeat(document: Document) -> Iterator[Problem]:
    """The file is replaced every ten seconds: whatever stood there before would be gone."""
    place = ("health", "heartbeat_file")
    written = document.get(*place)
    if not isinstance(written, str) or not written:
        return
    right = "name a file of its own, like state/heartbeat"
    base = pathlib.Path(document.file).parent
    file = _real(base / written)
    if written.endswith("/") or pathlib.PurePath(written).name in ("", "..") or pathlib.Path(file).is_dir():
        yield document.problem(place, "this is a folder", right)
    elif file == _real(pathlib.Path(document.file)):
        yield document.problem(place, "this is the configuration itself", right)
    elif file in _database_files(document, base):
        yield document.problem(place, "this is a file of the database", right)


def _listen(document: Document) -> Iterator[Problem]:
    place = ("health", "listen")
    written = document.get(*place)
    if not isinstance(written, str) or document.get("health", "allow_network") is True:
        return
    try:
        beyond = not ipaddress.ip_address(written.rpartition(":")[0].strip("[]")).is_loopback
    except ValueError:
        return  # told with the form of the setting
    if beyond:
        right = "write 127.0.0.1:PORT, or allow_network: true if everybody who reaches it may read it"
        yield document.problem(place, "this can be reached from other machines, without a password", right)


def _driver(document: Document) -> Iterator[Problem]:
    """What talks to PostgreSQL is an extra; looked up and not imported, for it takes long."""
    url = document.get("database")
    if isinstance(url, str) and url.startswith(SERVER) and not _is_there("psycopg"):
        right = "install it: pip install 'stagedrollout[postgres]'"
        yield document.problem(("database",), "PostgreSQL needs psycopg, which is not installed", right)


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # what is only half imported
        return False


def _database_files(document: Document, base: pathlib.Path) -> tuple[str, ...]:
    url = document.get("database")
    if not isinstance(url, str) or not url.startswith(SQLITE):
        return ()
    file = resolved(url, base).removeprefix(SQLITE)
    return tuple(_real(pathlib.Path(file + end)) for end in _BESIDE_DATABASE)


def _real(path: pathlib.Path) -> str:
    """Where the path leads, links followed as far as they can be."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # a name that no file can have
        return str(path)


def _countries(document: Document, index: int) -> Iterator[Problem]:
    here = ("apps", index, "app_store", "countries")
    written = document.get(*here)
    places: list[Path] = (
        [(*here, place) for place in range(len(written))] if isinstance(written, list) else []
    )
    yield from _repeated(document, places, "this country is written twice")


def _stores(document: Document, index: int) -> Iterator[Problem]:
    app = document.get("apps", index)
    if not isinstance(app, dict):
        return
    used = [store for store in _STORES if isinstance(app.get(store), dict)]
    if not any(store in app and app[store] is not None for store in _STORES):
        right = f"add {' or '.join(_STORES)}"
        yield document.problem(("apps", index), "this app is in no store", right)
    for store in used:
        here = ("apps", index, store)
        if document.get(store) is None:
            yield document.problem(
                here, f"there is no access to {store}", f"add a section `{store}:` at the top"
            )
        source = document.get(*here, "sentry")
        if isinstance(source, dict) and document.get("sentry") is None:
            right = "add a section `sentry:` at the top, with organization and token"
            yield document.problem((*here, "sentry"), "there is no access to Sentry", right)


def _policy(document: Document, index: int, known: tuple[str, ...]) -> Iterator[Problem]:
    here = ("apps", index, "policy")
    name = document.get(*here)
    if isinstance(name, str) and name not in known:
        yield document.problem(here, "there is no policy of this name", nearest(name, known))


def _link(document: Document, index: int, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    """What is linked needs both stores; and a lead that never gets so far would be waited for for ever."""
    here = ("apps", index, "link")
    app, link = document.get("apps", index), document.get(*here)
    if not isinstance(app, dict) or not isinstance(link, dict):
        return
    missing = [store for store in _STORES if not isinstance(app.get(store), dict)]
    if missing:
        right = f"add {missing[0]}, or remove link"
        yield document.problem(here, f"two stores are linked, and this app is not on {missing[0]}", right)
        return
    name, lead = app.get("policy"), link.get("lead")
    policy = policies.get(name) if isinstance(name, str) else None
    highest = policy.stages[-1].percent if policy and lead == Store.GOOGLE_PLAY else None
    try:
        after = percentage(link.get("after", AFTER))
    except ValueError:
        return  # told with the form of the setting
    if highest is not None and after > highest:
        wrong = f"the policy {name} never raises Google Play so far: its last stage is {highest} %"
        yield document.problem(
            (*here, "after") if "after" in link else here, wrong, f"write {highest} or less"
        )


def _repeated(document: Document, places: Iterable[Path], wrong: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place in places:
        value = document.get(*place)
        if not isinstance(value, str):
            continue
        if value in first:
            yield document.problem(place, wrong, f"see line {first[value]}")
        first.setdefault(value, document.values[place][0])
