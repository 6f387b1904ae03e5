"""What the dataclasses of the files say in code and a JSON Schema can say as well: ranges, and what must not be empty.

It repeats what `__post_init__` refuses there; a test tries every one of these bounds on both. `properties` are added to
those of the keys, `optional` takes keys out of the required ones, everything else is added to the section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from stagedrollout.config.settings import AppSettings, HealthSettings, Settings
from stagedrollout.config.signals import SignalSettings
from stagedrollout.core.calendar import Calendar
from stagedrollout.core.gates import EvidenceGate, Gate, RatingGate
from stagedrollout.core.linking import Link
from stagedrollout.core.named import NAME
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.phasing import AppStoreTerms
from stagedrollout.core.policy import Policy, Stage

Rule = Mapping[str, Any]

_NOT_NEGATIVE: Rule = {"minimum": 0}
_NOT_EMPTY: Rule = {"minItems": 1}
_INSIDE_A_HUNDRED: Rule = {"exclusiveMinimum": 0, "exclusiveMaximum": 100}
_LOOKS: Rule = {"minimum": 1, "maximum": 100}
_SIGNAL_NAME: Rule = {"pattern": f"^{NAME.pattern}$"}


def _has(key: str) -> Rule:
    """The section has this key, and something in it."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


RULES: Mapping[type, Rule] = {
    Stage: {"properties": {"percent": {"exclusiveMinimum": 0, "maximum": 100}, "min_sample": _NOT_NEGATIVE}},
    Gate: {
        "properties": {"floor": _INSIDE_A_HUNDRED, "min_sample": {"minimum": 1}, "confirm": _LOOKS},
    },
    RatingGate: {
        "properties": {
            "min_reviews": {"minimum": 5},
            "drop": {"exclusiveMinimum": 0, "exclusiveMaximum": 4},
            "one_star": _INSIDE_A_HUNDRED,
            "confirm": _LOOKS,
        }
    },
    EvidenceGate: {
        "properties": {
            "margin": {"minimum": 5, "maximum": 100},
            "floor": {"minimum": 50, "exclusiveMaximum": 100},
        }
    },
    NamedGate: {
        "properties": {
            "signal": _SIGNAL_NAME,
            "worse_by": {"exclusiveMinimum": 0, "maximum": 1000},
            "min_sample": _NOT_NEGATIVE,
            "confirm": _LOOKS,
        }
    },
    AppStoreTerms: {
        "properties": {
            "min_sample": _NOT_NEGATIVE,
            "complete_from": {"if": {"type": "number"}, "then": {"enum": [1, 2, 5, 10, 20, 50]}},
        }
    },
    Calendar: {"properties": {"weekdays": _NOT_EMPTY}},
    Policy: {
        "optional": ["name"],  # a policy is called what its file is called
        "properties": {"stages": _NOT_EMPTY},
        "anyOf": [_has("evidence"), {"required": ["gates"], "properties": {"gates": _NOT_EMPTY}}],
    },
    Link: {"properties": {"after": {"exclusiveMinimum": 0, "maximum": 100}}},
    SignalSettings: {
        "properties": {"name": _SIGNAL_NAME},
        "oneOf": [_has(entry.name) for entry in fields(SignalSettings) if entry.name != "name"],
    },
    AppSettings: {"anyOf": [_has("google_play"), _has("app_store")]},
    HealthSettings: {"dependencies": {"monitor": ["sentry_dsn"]}},
    Settings: {"properties": {"apps": _NOT_EMPTY}},
}
