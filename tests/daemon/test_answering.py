"""A person whose order was taken up by a daemon that died is told what really became of it."""

from stagedrollout.core.facts import Commanded, Decided, DecisionKind, Fact, Settled
from stagedrollout.core.model import Actor, ActorKind, CommandVerb, Settlement, Verb
from stagedrollout.daemon.answering import UNKNOWN, became_of
from stagedrollout.storage.commands import CommandResult

ANA = Actor(ActorKind.HUMAN, "ana")
DECIDED = Decided(
    DecisionKind.RESUME, (), ANA, command="one", intent="key/1", verb=Verb.RESUME, target_ppm=10_000
)


def commanded(text: str, *, accepted: bool = True, command: str = "one") -> Commanded:
    return Commanded(command, CommandVerb.RESUME, ANA, "because", accepted, text)


def settled(settlement: Settlement, detail: str, intent: str = "key/1") -> Fact:
    return Settled(intent, Verb.RESUME, settlement, detail)


def test_an_order_that_was_carried_out_is_done_although_the_daemon_died_before_it_could_say_so():
    history = (
        commanded("resuming at 1 %"),
        DECIDED,
        settled(Settlement.IN_DOUBT, "no answer"),
        settled(Settlement.CONFIRMED, "read back"),
    )
    assert became_of("one", history) == (CommandResult.DONE, "resuming at 1 %: read back")


def test_an_order_that_never_reached_the_store_has_failed():
    history = (commanded("resuming at 1 %"), DECIDED, settled(Settlement.NOT_APPLIED, "it is as before"))
    expected = "resuming at 1 %: not_applied: it is as before"
    assert became_of("one", history) == (CommandResult.FAILED, expected)


def test_an_order_still_in_doubt_is_not_called_done():
    history = (commanded("resuming at 1 %"), DECIDED, settled(Settlement.CONFIRMED, "another's", "key/0"))
    assert became_of("one", history) == (CommandResult.FAILED, f"resuming at 1 %: {UNKNOWN}")


def test_a_refusal_is_told_in_its_own_words_and_what_needs_no_store_is_done():
    assert became_of("one", (commanded("it is halted", accepted=False),)) == (
        CommandResult.REFUSED,
        "it is halted",
    )
    assert became_of("one", (commanded("held until Monday"),)) == (CommandResult.DONE, "held until Monday")
    assert became_of("one", (commanded("held", command="two"),)) == (CommandResult.FAILED, UNKNOWN)
