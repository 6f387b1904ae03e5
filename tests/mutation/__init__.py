"""Proof that the unit tests can fail: the code is changed in one place at a time, and some test must notice.

    python -m tests.mutation [MODULE ...] [--write] [--every N] [--left] [--wide] [--kept]

Tests are collected once; each mutant then lives in a fork of that process, where the code object of the one function
is exchanged, and tests that enter this function are played until one fails: first what killed most, then the quickest,
for two seconds (`--wide`: all of them). So a mutant costs what its tests cost, and nothing is imported twice. (A library
that mutates whole trees was tried: its trampolines make stateful properties flaky, and it starts a process and collects
anew for each mutant.)

`--write` keeps what was found in survivors.json, of every N-th mutant where `--every N` says so; `--left` plays again
what survived, after a test was written. What survives stands there with the reason why it may, or the file says that
nobody has looked at it yet.
"""
