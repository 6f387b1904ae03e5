"""Policies from folders of YAML files. A policy is called what its file is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from stagedrollout.config.holidays import public_holidays
from stagedrollout.config.problems import Problem, joined
from stagedrollout.config.reading import read_into
from stagedrollout.config.yaml_source import read_document
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.policy import Policy

FILES_MAX = 200
"""Policy files in one folder; more of them is a wrong folder."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(slots=True)
class Shelf:
    """What the folders hold. `files` also names the policies that have problems."""

    policies: dict[str, Policy] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    """As they are written, of those that could be read."""


def read_policies(shipped: Path, folders: Iterable[Path]) -> Shelf:
    """All policies of the user's folders, and the shipped ones whose names are still free."""
    shelf = Shelf()
    for folder in folders:
        _read_folder(shelf, folder)
    for path in sorted(shipped.glob("*.yaml")):
        if path.stem not in shelf.files:
            _read_file(shelf, path)
    return shelf


def read_policy(path: Path) -> tuple[Policy | None, list[Problem]]:
    """One policy file, wherever it is."""
    policy, problems, _ = _read(path)
    return policy, problems


def _read(path: Path) -> tuple[Policy | None, list[Problem], Document | None]:
    document, problems = read_document(path)
    if document is None:
        return None, problems, None
    document, renamed = _named(document, path.stem)
    policy, wrong = read_into(Policy, document)
    problems = joined([*problems, *renamed], wrong)
    if policy is None:
        return None, problems, document
    calendar, unknown = public_holidays(policy.calendar, document)
    problems = joined(problems, unknown)
    return (None if problems else replace(policy, calendar=calendar)), problems, document


def _read_folder(shelf: Shelf, folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if len(files) > FILES_MAX:
        shelf.problems.append(
            _whole(folder, f"more than {FILES_MAX} YAML files", "name a folder of policies")
        )
        return
    for path in files:
        if path.suffix == ".yml":
            shelf.problems.append(_whole(path, "would be overlooked", f"call it {path.stem}.yaml"))
        elif path.stem in shelf.files:
            first = shelf.files[path.stem]
            shelf.problems.append(
                _whole(path, f"there is a policy of this name in {first}", "rename one of them")
            )
        else:
            _read_file(shelf, path)


def _read_file(shelf: Shelf, path: Path) -> None:
    shelf.files[path.stem] = path
    if not _NAME.fullmatch(path.stem):
        wrong, right = (
            "this file name makes no policy name",
            "use small letters, digits, dashes: my-policy.yaml",
        )
        shelf.problems.append(_whole(path, wrong, right))
        return
    policy, problems, document = _read(path)
    shelf.problems += problems
    if policy and document:
        shelf.policies[path.stem] = policy
        shelf.documents[path.stem] = document


def _named(document: Document, stem: str) -> tuple[Document, list[Problem]]:
    """The document with its file's name as `name`; a `name` of its own may only repeat that."""
    problems = []
    if "name" in document.data and document.get("name") != stem:
        wrong = "a policy is called what its file is called"
        problems = [document.problem(("name",), wrong, f"leave `name` out, or write {stem}")]
    data = {**document.data, "name": stem}
    return Document(document.file, data, document.values, document.keys, document.raw), problems


def _whole(path: Path, wrong: str, right: str) -> Problem:
    return Problem(str(path), 0, 0, "", wrong, right)
