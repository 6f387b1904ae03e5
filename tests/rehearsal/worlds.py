"""Policies and worlds that the tests rehearse in."""

from __future__ import annotations

from functools import lru_cache

from stagedrollout.config.policies import read_policies
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.policy import Policy
from stagedrollout.rehearsal.world import World

MEDIUM = World(daily_users=100_000)


@lru_cache
def shipped(name: str) -> Policy:
    return read_policies(policies_folder(), ()).policies[name]
