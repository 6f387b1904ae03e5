"""What a halt past the daemon needs of a configuration that is wrong elsewhere: one store's access, and one app in it.

Everything else is left out before it is read, so that no mistake in it keeps a release from being stopped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from stagedrollout.config.addresses import address_problems
from stagedrollout.config.load import Loaded
from stagedrollout.config.policies import read_policies
from stagedrollout.config.reading import read_into
from stagedrollout.config.settings import AppStoreAccess, GooglePlayAccess, Settings
from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import read_document
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.model import StoreApp

_ACCESS: Mapping[str, type] = {"google_play": GooglePlayAccess, "app_store": AppStoreAccess}
_LISTING = {"google_play": ("package", "track"), "app_store": ("app_id", "bundle_id")}
_UNUSED = {"database": "sqlite:///unused.db", "policy": "standard", "project": "unused"}
"""What a whole configuration has, and no halt asks for."""


def read_to_halt(path: Path, app: StoreApp, *, environ: Mapping[str, str]) -> Loaded | None:
    """None where not even that much can be read, or where two entries of that app are not the same."""
    document, _ = read_document(path)
    needed = _needed(document, app) if document else None
    if document is None or needed is None:
        return None
    settings, wrong = read_into(Settings, replace(document, data=needed))
    if settings is None or wrong:
        return None
    policies = read_policies(policies_folder(), _folders(document, path.parent)).policies
    written = _written(document, app)[0].get("policy")
    policy = written if isinstance(written, str) and written in policies else _UNUSED["policy"]
    return Loaded(
        replace(settings, apps=(replace(settings.apps[0], policy=policy),)), policies, path, environ
    )


def _needed(document: Document, app: StoreApp) -> dict[str, Any] | None:
    store = app.store.value
    access, found = document.get(store), [each[store] for each in _written(document, app)]
    astray = any(problem.where.split(".")[0] == store for problem in address_problems(document))
    if astray or not isinstance(access, dict) or not found:
        return None
    known = {field.name for field in fields(_ACCESS[store])}
    listing = {key: found[0][key] for key in _LISTING[store] if key in found[0]}
    if any({key: other.get(key) for key in listing} != listing for other in found[1:]):
        return None  # which of them is meant, nobody can tell
    listing["sentry"] = {"project": _UNUSED["project"]}
    return {
        "database": _UNUSED["database"],
        store: {key: value for key, value in access.items() if key in known},
        "apps": [{"name": app.app, "policy": _UNUSED["policy"], store: listing}],
    }


def _written(document: Document, app: StoreApp) -> list[dict[str, Any]]:
    """Every entry of that app in that store."""
    apps = document.get("apps")
    entries = [each for each in apps if isinstance(each, dict)] if isinstance(apps, list) else []
    return [each for each in entries if each.get("name") == app.app and isinstance(each.get(app.store), dict)]


def _folders(document: Document, base_dir: Path) -> list[Path]:
    named = document.get("policies")
    names = [name for name in named if isinstance(name, str) and name] if isinstance(named, list) else []
    return [base_dir / name for name in names if os.access(base_dir / name / ".", os.R_OK | os.X_OK)]
