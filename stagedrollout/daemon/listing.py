"""One store app under watch: what the configuration says of it, and its doors to the store and signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.linking import Link, other_store
from stagedrollout.core.model import Command, CommandVerb, Mode, OnNewRelease, StoreApp, Supersede
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import IssueSource, NamedCounts, NamedValues, Signal, StorePort, Tallies


@dataclass(frozen=True, slots=True)
class Listing:
    """`policies` are all that are known, by name; `policy` is the app's own.

    `signals` are always asked, in this order; `opinions` (what people write and rate) only for a policy that
    has a gate for them; `tallies` count for the ledger, where the policy asks for evidence. `counts`, `values`: the
    team's own signals of this app, asked where the policy has a gate for them. `issues` decide nothing.
    """

    id: StoreApp
    mode: Mode
    on_new_release: OnNewRelease
    policy: str
    policies: Mapping[str, Policy]
    store: StorePort
    signals: tuple[Signal, ...]
    poll: timedelta
    opinions: tuple[Signal, ...] = ()
    tallies: Tallies | None = None
    supersede: Supersede = Supersede.FINISH
    counts: tuple[NamedCounts, ...] = ()
    values: tuple[NamedValues, ...] = ()
    issues: IssueSource | None = None
    link: Link | None = None
    """How its rollouts go together with those of the same app on the other store; None: they do not."""
    pace: str = ""
    """Whoever has the same is looked at at the same instants, for they share requests; "": nobody."""

    @property
    def counterpart(self) -> StoreApp:
        """The same app on the other store."""
        return StoreApp(self.id.app, other_store(self.id.store))

    def policy_of(self, name: str) -> Policy:
        """The named policy; the app's own, to halt by, if that one is not (or no longer) known."""
        return self.policies.get(name) or self.policies[self.policy]

    def unknown(self, name: str) -> str:
        """The name again if no such policy is known, else ""."""
        return "" if name in self.policies else name


def policy_meant(rollout: Rollout, order: Command | None) -> str:
    """A start names the policy it is to be steered by, from its first stage on."""
    starts = order is not None and order.verb is CommandVerb.START
    return order.policy if order and starts and order.policy else rollout.policy


def policy_named(rollout: Rollout, order: Command | None) -> str:
    """The policy that must be known: by which it is steered, or is to be from here on."""
    sets = order is not None and order.verb is CommandVerb.SET_POLICY
    return order.policy if order and sets and order.policy else policy_meant(rollout, order)
