"""The picture of a rollout: what is in it, and what one is told where there can be none."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from stagedrollout.core import facts
from stagedrollout.core.errors import StagedRolloutError, WrongConfiguration
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import DAEMON, Verb
from stagedrollout.explaining.picture import draw
from stagedrollout.explaining.timeline import POINTS_MAX, MarkKind, timeline
from tests.core.builders import HOUR, NOON
from tests.core.weighed import BAD, GOOD
from tests.explaining.kept import kept


def halted():
    """Held, raised and halted, in the last of a hundred hours."""
    found = kept(*[GOOD] * 97, *[BAD] * 3)
    why = (Reason("suspected", "evidence: harm 12 : 1"),)
    decisions = (
        (facts.Decided(DecisionKind.ADVANCE, why, DAEMON, intent="i1", verb=Verb.RAISE), NOON - 50 * HOUR),
        (facts.Decided(DecisionKind.HOLD, why, DAEMON), NOON - 2 * HOUR),
        (facts.Decided(DecisionKind.HOLD, (*why, *why), DAEMON), NOON - HOUR),
        (facts.Decided(DecisionKind.HALT, why, DAEMON, intent="i2", verb=Verb.HALT), NOON),
    )
    return replace(found, told=(*found.told, *decisions))


def test_the_timeline_ends_where_the_evidence_stands_now():
    shown = timeline(halted())
    assert len(shown.points) == POINTS_MAX
    assert (shown.points[-1].at, shown.until) == (NOON, NOON)
    assert shown.points[-1].ln_e == halted().weighing().ln_e
    assert shown.points[0].ln_e < shown.points[-1].ln_e
    assert [mark.kind for mark in shown.marks] == [MarkKind.RAISE, MarkKind.HOLD, MarkKind.HALT]
    assert [stage.ppm for stage in shown.stages] == [100_000]


@pytest.mark.parametrize(("suffix", "first"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_of_the_kind_that_its_file_is_named_for(tmp_path, suffix, first):
    path = tmp_path / f"rollout{suffix}"
    draw(replace(timeline(halted()), title="acme $5 \N{PILE OF POO} <script>"), path)
    assert path.read_bytes().startswith(first)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(WrongConfiguration, match=r"ends in \.png or \.svg"):
        draw(timeline(halted()), tmp_path / "rollout.jpg")


def test_a_rollout_without_sessions_cannot_be_drawn(tmp_path):
    with pytest.raises(StagedRolloutError, match="nothing to draw"):
        draw(timeline(kept()), tmp_path / "rollout.png")


def test_without_matplotlib_one_is_told_what_to_install(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(WrongConfiguration, match=r"pip install 'stagedrollout\[rehearsal\]'"):
        draw(timeline(halted()), tmp_path / "rollout.png")
