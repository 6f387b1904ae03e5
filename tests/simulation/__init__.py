"""Seeded runs of the real daemon below its trigger, in one thread, against emulated services that fail.

A seed draws a story, a policy, people, faults and crashes (plan.py). What APScheduler would set in motion is
played in lock-step (life.py, run.py): no sockets, no threads, no real waiting; the clock is the emulator's
and moves while requests are under way, so that people act in the middle of a pass. Faults end before the story
does, and then everything must come to rest. An outside judge says what the run was worth, from the emulator's
ledger (outcome.py).

    python -m tests.simulation [FIRST [COUNT]]          many seeds, and what they met
"""
