"""Approvals: who may allow a step, what that is bound to, and when it is void."""

from __future__ import annotations
