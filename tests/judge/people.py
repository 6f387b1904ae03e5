"""Who is who, and may do what: by the configuration's list, and by the accounts that really gave the orders.

Where nobody is listed, an account is a person and may order everything.
"""

from __future__ import annotations

from tests.judge.evidence import Evidence, Record

BRAKES = ("halt", "hold", "reject")
"""They make less happen, and ask for no right."""

_EVERY = ("raise", "approve")


def behind(evidence: Evidence, command: str, told: str) -> str:
    """Whose order that was: the person's name, or the account that is nobody's. `told`: what the journal says, which is
    believed only where nobody kept the orders."""
    order = ordered(evidence, command)
    if order is None:
        return told
    person = _of_account(evidence, str(order["account"]), str(order.get("via", "cli")))
    return str(person["name"]) if person else str(order["account"])


def ordered(evidence: Evidence, command: str) -> Record | None:
    return next((order for order in evidence.orders if order["id"] == command), None)


def saw(evidence: Evidence, command: str, release: str) -> int | None:
    """At which share the person saw the release that they gave that order of; None where nobody kept that, or they saw
    nothing of it."""
    order = ordered(evidence, command) or {}
    return next((int(one["exposure_ppm"]) for one in order.get("saw", ()) if one["release"] == release), None)


def groups(evidence: Evidence, name: str) -> tuple[str, ...]:
    person = _named(evidence, name)
    return tuple(person.get("groups", ())) if person else ()


def may(evidence: Evidence, command: str, told: str, verb: str) -> bool:
    """Whether that order was theirs to give."""
    if not evidence.people or verb in BRAKES:
        return True
    order = ordered(evidence, command)
    if order is None:
        person = _named(evidence, told)
    else:
        person = _of_account(evidence, str(order["account"]), str(order.get("via", "cli")))
    right = "approve" if verb == "approve" else "raise"
    return person is not None and right in person.get("rights", _EVERY)


def _named(evidence: Evidence, name: str) -> Record | None:
    return next((person for person in evidence.people if person["name"] == name), None)


def _of_account(evidence: Evidence, account: str, via: str) -> Record | None:
    """An account counts only where it is one."""
    field = "slack" if via == "slack" else "os_user"
    return next((person for person in evidence.people if account and person.get(field) == account), None)
