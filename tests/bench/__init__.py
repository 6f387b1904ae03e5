"""Figures of whole processes, measured on request. They depend on the machine: no test ever waits for them.

python -m tests.bench cli|daemon|calls|decision|faults|stores [--json]
"""
