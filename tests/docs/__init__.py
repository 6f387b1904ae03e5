"""Keeps the README from lying: what can be generated from the code is, and stale words fail the checks.

python -m tests.docs --check          python -m tests.docs --write
"""
