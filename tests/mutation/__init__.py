"""Proof that the unit tests can fail: the code is changed in one place at a time, and some test must notice.

    python -m tests.mutation [MODULE ...] [--sample N] [--json] [--write]

Tests are collected once; each mutant then lives in a fork of that process, where the code object of the one function
is exchanged, and the tests that enter this function are played, the quickest first, until one fails. So a mutant
costs what its tests cost, and nothing is imported twice. (A library that mutates whole trees was tried: its
trampolines make stateful properties flaky, and it starts a process and collects anew for each mutant.)

What survives stands in survivors.json with the reason why it may, or the file says that nobody has looked at it yet.
"""
