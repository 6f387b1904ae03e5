"""Proof that the simulation can fail: twenty breaks of the product, each of which it must catch.

Each sabotage is one edit in one function, made in a copy of the tree; then stories are played until one fails that is
clean without the edit: first bad days told by hand (tests/simulation/bad_days.py), then seeds. No unit test takes part:
what catches it is the judge, the replay or the liveness check, which expect nothing of a story but what they always do.

    python -m tests.sabotage [NAME ...] [--json]
"""
