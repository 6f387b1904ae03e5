"""An outside judge: what a run really did to the stores and to people, recomputed from what it left behind.

It imports nothing of the product. It reads the emulator's ledger (what the store really served, who changed
what, which messages really arrived) and its list of requests, holds the daemon's journal and outbox against
them, and names every promise that was broken. Where the files leave room for doubt it excuses rather than
accuses; where they leave none it has no mercy.

    python -m tests.judge DIR [--json]          or          judge(Evidence(...)) -> Verdict
"""

from tests.judge.evidence import Evidence, Unreadable, read
from tests.judge.finding import Finding
from tests.judge.verdict import Verdict, judge

__all__ = ["Evidence", "Finding", "Unreadable", "Verdict", "judge", "read"]
