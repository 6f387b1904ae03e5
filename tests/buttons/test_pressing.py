"""The threads of the buttons, from their start to their end: nothing that was acknowledged is left behind."""

from __future__ import annotations

import threading
from queue import Queue

from stagedrollout.buttons.socket import Arrived
from stagedrollout.core.offer import Press
from stagedrollout.daemon.pressing import Pressing
from tests.buttons.desks import ANA, PLACE, Around
from tests.core.builders import rolling


class Line:
    """A socket that puts what arrives last into the queue while it is told to end."""

    def __init__(self, queue, *last):
        self.queue, self.last, self.stopping = queue, last, threading.Event()

    def run(self):
        self.stopping.wait()
        for payload in self.last:
            self.queue.put(Arrived(payload))

    def stop(self):
        self.stopping.set()

    def problem(self):
        return "token_revoked"


def _payload(pressed):
    action = {
        "action_id": "x",
        "block_id": pressed.block_id,
        "value": pressed.value,
        "action_ts": pressed.stamp,
    }
    return {
        "type": "block_actions",
        "user": {"id": pressed.user},
        "container": {"channel_id": PLACE[0], "message_ts": PLACE[1]},
        "message": {"text": pressed.text, "blocks": list(pressed.blocks)},
        "actions": [action],
    }


def test_what_has_arrived_is_an_order_before_it_ends():
    around = Around(rollout=rolling())
    queue = Queue()
    halt, hold = (_payload(around.press(press)) for press in (Press.HALT, Press.HOLD))
    pressing = Pressing(Line(queue, {"type": "nonsense"}, halt, hold), queue, around.desk, around.desk.roster)
    puts = around.orders.put

    def put_late(command):
        """Nothing more arrives by then, and the second press still waits."""
        assert pressing._hung_up.wait(10)
        puts(command)

    around.orders.put = put_late
    pressing.start()
    pressing.stop()
    assert [order.verb.value for order in around.orders.put_in] == ["halt"]
    assert around.answers.whispers[0][1].startswith("Refused: Ana Lima has just pressed halt")
    assert queue.empty()
    pressing.stop()


def test_others_go_on_from_where_it_ended():
    around = Around(rollout=rolling())
    queue = Queue()
    pressing = Pressing(
        Line(queue, _payload(around.press(Press.HALT))), queue, around.desk, around.desk.roster
    )
    pressing.start()
    pressing.stop()
    after = around.another()
    following = Pressing(Line(queue), queue, after, after.roster)
    following.go_on_from(pressing)
    around.orders.ends()
    after.following.tell()
    assert [user for user, _ in around.answers.whispers] == [ANA]
    assert following.problem() == "token_revoked"
