"""A page with generated blocks: everything between two HTML comments of one name belongs to the generator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_BLOCK = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n)(?P<text>.*?)(?P<end><!-- end: (?P=name) -->)",
    re.DOTALL,
)


class BadPage(Exception):
    """The page has no place for a block, or a place nobody fills."""


def written(page: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """The page with every block as the code has it now. Raises BadPage."""
    places = [match["name"] for match in _BLOCK.finditer(page)]
    if sorted(places) != sorted(blocks):
        raise BadPage(f"the page has blocks {sorted(places)}, the generator {sorted(blocks)}")
    return _BLOCK.sub(
        lambda match: f"{match['begin']}{blocks[match['name']]().strip()}\n{match['end']}", page
    )


def fenced(page: str, marker: str) -> str:
    """The first fenced block after the comment `<!-- marker -->`. Raises BadPage."""
    found = re.search(rf"<!-- {re.escape(marker)} -->\s*```\w*\n(.*?)```", page, re.DOTALL)
    if not found:
        raise BadPage(f"no fenced block after <!-- {marker} -->")
    return found[1]


def links(page: str) -> list[str]:
    """Targets of relative links, without their anchors."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page)
    return [target for target in targets if "://" not in target]
