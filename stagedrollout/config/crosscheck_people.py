"""Whether the people whom a policy asks are there: who waits for a word that nobody can give waits for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.approval import ApprovalTerms
from stagedrollout.core.people import EVERY_RIGHT, Right
from stagedrollout.core.policy import Policy


def people_problems(document: Document, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    """At each app whose policy asks more people than are listed. `policies`: those that could be read."""
    apps = document.get("apps")
    for index in range(len(apps)) if isinstance(apps, list) else ():
        here = ("apps", index, "policy")
        name = document.get(*here)
        policy = policies.get(name) if isinstance(name, str) else None
        for wrong, right in _asked_in_vain(document, policy) if policy else ():
            yield document.problem(here, f"the policy {name} {wrong}", right)


def _asked_in_vain(document: Document, policy: Policy) -> Iterator[tuple[str, str]]:
    written = document.get("people")
    listed = [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    for stage in policy.stages:
        terms = stage.approvals
        if terms is None:
            continue
        may = [person for person in listed if _counts(person, terms)]
        if len(may) < terms.count and (listed or terms.groups):
            wrong = f"asks for {terms.words} at {stage.percent} %, and {len(may)} of the people listed may give them"
            yield wrong, "list them under people, with their groups and the right to approve"
    acting = [person for person in listed if _rights(person)]
    if policy.two_persons and listed and len(acting) < 2:
        wrong = f"wants two persons, and of the people listed {len(acting)} may do anything"
        yield wrong, "list another one under people, with rights"


def _counts(person: dict[str, Any], terms: ApprovalTerms) -> bool:
    groups = person.get("groups")
    own = groups if isinstance(groups, list) else []
    in_group = not terms.groups or any(group in terms.groups for group in own)
    return in_group and Right.APPROVE.value in _rights(person)


def _rights(person: dict[str, Any]) -> list[Any]:
    rights = person.get("rights", [right.value for right in EVERY_RIGHT])
    return rights if isinstance(rights, list) else []
