"""The options of a package's own source, read like everything else that people write: strictly, and told in words."""

from __future__ import annotations

from typing import Any

from stagedrollout.config.problems import refusal
from stagedrollout.config.reading import read_into
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.errors import WrongConfiguration


def read_options(kind: type, options: dict[str, Any], *, place: str) -> Any:
    """An instance of the dataclass `kind`. Raises WrongConfiguration, with `place` before every problem."""
    document = Document(place, options, {(): (0, 0)}, {}, {})
    try:
        value, problems = read_into(kind, document)
    except Exception as mistake:
        told = f"{place}: its options cannot be read: {type(mistake).__name__}"
        raise WrongConfiguration(told) from mistake
    if problems or value is None:
        raise refusal(problems)
    return value
