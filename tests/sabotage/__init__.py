"""Proof that the simulation can fail: twenty breaks of the product, each of which it must catch.

Each sabotage is one edit in one function, made in a copy of the tree; then seeds are played until one fails that is
clean without the edit. No unit test takes part: what catches it is the judge, the replay or the liveness check.

    python -m tests.sabotage [NAME ...] [--json]
"""
