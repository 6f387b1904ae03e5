"""What the rehearsal needs beyond the daemon's own packages, and the words where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from stagedrollout.core.errors import WrongConfiguration


class MissingExtra(WrongConfiguration):
    """A package of the extra `rehearsal` is not installed."""


def need(*packages: str) -> None:
    """Raises MissingExtra, with the command that installs what is missing."""
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtra(f"this needs {package}: pip install 'stagedrollout[rehearsal]'")
