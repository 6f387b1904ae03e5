"""The screen of a demo: it fits into the terminal, whatever its size, and says what it must."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from stagedrollout.cli.live import Picture, laid_out

WHY = "halted by stagedrollout: evidence of harm more than 1,000,000 : 1 (halt at 100 : 1): crashed sessions x16.5"


def rollout(store: str) -> dict[str, Any]:
    told = {"app": "acme", "store": store, "release": "5.2.0", "release_id": "520"}
    return {**told, "phase": "waiting_for_review", "exposure_ppm": 1_000_000, "reason": WHY}


def picture(count: int = 2) -> Picture:
    stores = ("google_play", "app_store")
    rows = [rollout(stores[number % 2]) for number in range(count)]
    release = {"release_id": "520", "crash_free_ppm": 998_400}
    apps = [{"app": "acme", "store": store, "releases": [release]} for store in stores]
    world = {"scenario": "bad", "story": "A release. " * 20, "now": "2026-03-04T05:30:00", "apps": apps}
    chapters = [{"at": "2026-03-04T05:30:00", "text": "Something happens. " * 9}] * 2
    return Picture(world, rows, chapters, ["03-04 05:30  acme  WAIT " * 9] * 12, ["# halted"] * 12, 30)


def drawn(told: Picture, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    return ["".join(part.text for part in line) for line in console.render_lines(laid_out(told, console))]


@pytest.mark.parametrize("size", [(80, 24), (80, 25), (100, 30), (120, 40), (200, 60)])
def test_two_rollouts_and_a_story_fit_with_a_line_left_for_the_cursor(size: tuple[int, int]) -> None:
    width, height = size
    lines = drawn(picture(), width, height)
    assert len(lines) < height
    assert sum("WAIT" in line for line in lines) == sum("# halted" in line for line in lines) >= 3
    assert any("acme Android 5.2.0" in line and "100 %" in line and "99.84 %" in line for line in lines)
    assert any("by stagedrollout" in line for line in lines)


def test_with_many_rollouts_on_a_small_terminal_each_keeps_a_line_and_each_list_one() -> None:
    lines = drawn(picture(8), 80, 24)
    assert sum("waiting for review" in line for line in lines) == 8
    assert any("WAIT" in line for line in lines)
    assert any("# halted" in line for line in lines)


def test_a_tall_terminal_shows_more_of_the_reason_and_of_the_lists() -> None:
    lines = drawn(picture(), 120, 50)
    assert sum("WAIT" in line for line in lines) == 12
    assert any("crashed sessions" in line for line in lines)
    assert any("━" in line for line in lines)
