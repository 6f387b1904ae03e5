"""Public bugs of tools like ours, each as a story that ends well here: what happened there, and the test that shows it.

The tests say it themselves, in the first sentence of their docstring: `Project #number (and others): what happened.`
`INCIDENTS` is read from there, so that a table of them cannot tell anything that no test shows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FILES = (*sorted((TESTS / "incidents").glob("test_*.py")), TESTS / "processes" / "test_clock_is_set.py")

REPOSITORIES = {
    "APScheduler": "agronholm/apscheduler",
    "Alertmanager": "prometheus/alertmanager",
    "Argo Rollouts": "argoproj/argo-rollouts",
    "Cilium": "cilium/cilium",
    "Flagger": "fluxcd/flagger",
    "Gradle Play Publisher": "Triple-T/gradle-play-publisher",
    "Grafana Alerting": "grafana/alerting",
    "Great Expectations": "fivetran/great_expectations",
    "Kubernetes": "kubernetes/kubernetes",
    "Sentry": "getsentry/sentry",
    "Sentry self-hosted": "getsentry/self-hosted",
    "Tramline": "tramlinehq/tramline",
    "WordPress-Android": "wordpress-mobile/WordPress-Android",
    "divine-mobile": "divinevideo/divine-mobile",
    "fastlane": "fastlane/fastlane",
    "mimi-seed-sdk": "jeonghwanko/mimi-seed-sdk",
    "oppia-android": "oppia/oppia-android",
    "upload-google-play": "r0adkll/upload-google-play",
}
_FORM = re.compile(
    r"(?P<project>[A-Za-z][\w -]*?)(?: #(?P<number>\d+))?(?: \([^)]*\))?: (?P<what>.+)", re.DOTALL
)
_SENTENCE = re.compile(r"[.:]\s(?=[A-Z])|\.$")


@dataclass(frozen=True, slots=True)
class Incident:
    """`number` is empty for what is no issue but the way a tool is built. `test` is its place, as pytest takes it."""

    project: str
    number: str
    what: str
    test: str

    @property
    def url(self) -> str:
        """Pull requests are reached by that, too."""
        repository = f"https://github.com/{REPOSITORIES[self.project]}"
        return f"{repository}/issues/{self.number}" if self.number else repository


@cache
def incidents() -> tuple[Incident, ...]:
    found = (one for file in FILES for name, told in told_in(file) if (one := read(file, name, told)))
    return tuple(sorted(found, key=lambda one: (one.project.lower(), int(one.number or 0))))


def told_in(file: Path) -> Iterator[tuple[str, str]]:
    """Each test of a file, and what it says of itself."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, " ".join((ast.get_docstring(node) or "").split())


def read(file: Path, name: str, told: str) -> Incident | None:
    form = _FORM.match(told)
    if form is None or form["project"] not in REPOSITORIES:
        return None
    what = _SENTENCE.split(form["what"])[0].rstrip(".")
    return Incident(form["project"], form["number"] or "", what, f"{file.relative_to(TESTS.parent)}::{name}")
