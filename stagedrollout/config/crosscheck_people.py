"""Whether the people whom a policy asks are there: who waits for a word that nobody can give waits for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.approval import ApprovalTerms
from stagedrollout.core.people import Right
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
    listed = [each for each in document.get("people") or () if isinstance(each, dict)]
    for stage in policy.stages:
        terms = stage.approvals
        if terms is None:
            continue
        may = [person for person in listed if _counts(person, terms)]
        if len(may) < terms.count and (listed or terms.groups):
            wrong = f"asks for {terms.words} at {stage.percent} %, and {len(may)} of the people listed may give them"
            yield wrong, "list them under people, with their groups and the right to approve"
    if policy.two_persons and len(listed) == 1:
        yield "wants two persons, and one is listed", "list another one under people"


def _counts(person: dict[str, Any], terms: ApprovalTerms) -> bool:
    rights, groups = person.get("rights", [Right.APPROVE]), person.get("groups", [])
    in_group = not terms.groups or any(group in terms.groups for group in groups or ())
    return in_group and Right.APPROVE.value in (rights or ())
