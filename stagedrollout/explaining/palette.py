"""The picture's colours and shapes, told apart by colour-blind people too (Okabe & Ito 2008)."""

from __future__ import annotations

from stagedrollout.explaining.timeline import MarkKind

CANDIDATE, BASELINE = "#D55E00", "#0072B2"
INK, FAINT, HOLD, HALT = "#222222", "#757575", "#9A6B00", "#A11212"
STAGE_TINTS = ("#DCEAF4", "#BFD9EA", "#9CC4DE", "#77ACD0", "#5293BF", "#2F79AB", "#0F5E93")

MARKS = {
    MarkKind.RAISE: ("^", BASELINE, "raised"),
    MarkKind.HOLD: ("s", HOLD, "held"),
    MarkKind.HALT: ("X", HALT, "halted"),
}
"""Shape, colour and name of each."""
