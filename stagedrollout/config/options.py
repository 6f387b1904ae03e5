"""The options of a package's own source, read like everything else that people write: strictly, and told in words."""

from __future__ import annotations

from typing import Any

from stagedrollout.config.problems import refusal
from stagedrollout.config.reading import read_into
from stagedrollout.config.yaml_tree import Document, Path
from stagedrollout.core.errors import WrongConfiguration

_NOWHERE = (0, 0)
"""The options have left their file: where they stood there is told by their place."""


def read_options(kind: type, options: dict[str, Any], *, place: str) -> Any:
    """An instance of the dataclass `kind`. Raises WrongConfiguration, with `place` before every problem."""
    document = Document(place, options, {}, {}, {})
    _placed(document, options, ())
    try:
        value, problems = read_into(kind, document)
    except Exception as mistake:
        told = f"{place}: its options cannot be read: {type(mistake).__name__}"
        raise WrongConfiguration(told) from mistake
    if problems or value is None:
        raise refusal(problems)
    return value


def _placed(document: Document, data: Any, path: Path) -> None:
    document.values[path] = document.keys[path] = _NOWHERE
    document.raw[path] = str(data)
    if isinstance(data, (dict, list)):
        for step, value in data.items() if isinstance(data, dict) else enumerate(data):
            _placed(document, value, (*path, step))
