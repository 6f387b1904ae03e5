"""Seeded runs of the real daemon below its trigger, all of it interleaved, against emulated services that fail.

A seed draws a story, a policy, people, faults and crashes (plan.py). The daemon's own scheduler starts passes, halts
and the relay as always; they run as tasks that hand one baton on wherever they meet the world, in an order drawn from
the seed (kernel.py), on a machine whose clocks, disk and pace may be wrong (machine.py). No sockets, no real waiting:
the time is the emulator's and moves while requests are under way, so that people act in the middle of a pass. Faults
end before the story does, and then everything must come to rest. An outside judge says what the run was worth, from
the emulator's ledger (outcome.py).

    python -m tests.simulation [FIRST [COUNT]]          many seeds, and what they met
"""
