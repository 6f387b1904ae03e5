"""Places that are told of alarms: what is sent, to whom, and what is never in it."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from stagedrollout.core.errors import Faulty, Rejected, Throttled
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.http.client import HttpClient, in_process
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.places import DEDUP_MAX, SUMMARY_MAX, PagerDuty, Webhook, split_address

KEY, SECRET = "r0uting-key-of-32-characters-xxxx", "a secret to sign with"
ROLLOUT = RolloutKey("shop", Store.GOOGLE_PLAY, "5020")
NOTICE = Notice("k", NoticeKind.ESCALATION, True, "shop was halted", (Fact("Why", "crashes"),))


class Service:
    def __init__(self, status=202, body=b'{"status": "success"}', headers=None):
        self.answer = (status, headers or {}, body)
        self.asked = []

    def __call__(self, method, path, query, headers, body):
        self.asked.append((method, path, headers, body))
        return self.answer

    def at(self, base):
        return HttpClient(Endpoint("place", base), transport=in_process(self))


def _pager(service):
    return PagerDuty(service.at("https://events.pagerduty.com"), KEY)


def test_an_alert_and_its_end_have_one_key():
    service = Service()
    _pager(service).tell("a/b", ROLLOUT, NOTICE)
    _pager(service).over("a/b", ROLLOUT, NOTICE)
    (method, path, _, first), (_, _, _, second) = service.asked
    alert, end = json.loads(first), json.loads(second)
    assert (method, path) == ("POST", "/v2/enqueue")
    assert (alert["event_action"], end["event_action"]) == ("trigger", "resolve")
    assert alert["dedup_key"] == end["dedup_key"] == "a/b"
    assert alert["payload"]["severity"] == "critical"
    assert alert["payload"]["custom_details"] == {"Why": "crashes"}


def test_what_is_long_fits_and_is_still_told_apart():
    service = Service()
    long = Notice("k", NoticeKind.ESCALATION, True, "x" * 5000)
    for key in ("a" * 400, "a" * 401):
        _pager(service).tell(key, ROLLOUT, long)
    first, second = (json.loads(body) for _, _, _, body in service.asked)
    assert len(first["payload"]["summary"]) == SUMMARY_MAX
    assert len(first["dedup_key"]) <= DEDUP_MAX
    assert first["dedup_key"] != second["dedup_key"]


@pytest.mark.parametrize(("status", "error"), [(400, Rejected), (429, Throttled), (503, Faulty)])
def test_what_the_pager_does_not_take_is_an_error_without_its_key(status, error):
    with pytest.raises(error) as raised:
        _pager(Service(status, b'{"status": "invalid event", "errors": ["no"]}')).tell("k", ROLLOUT, NOTICE)
    assert KEY not in str(raised.value)


def _webhook(service, seconds=1_700_000_000.9):
    base, path = split_address("https://hooks.example.com/a/b")
    return Webhook(service.at(base), path, SECRET, lambda: seconds)


@pytest.mark.parametrize("body", [b"", b"ok", b"{", b"<html>"])
def test_a_webhook_is_signed_and_any_success_will_do(body):
    service = Service(200, body)
    _webhook(service).tell("a/b", ROLLOUT, NOTICE)
    ((method, path, headers, sent),) = service.asked
    assert (method, path) == ("POST", "/a/b")
    stamp = headers["x-stagedrollout-timestamp"]
    mark = hmac.new(SECRET.encode(), f"{stamp}.".encode() + sent, hashlib.sha256).hexdigest()
    assert (stamp, headers["x-stagedrollout-signature"]) == ("1700000000", f"v1={mark}")
    said = json.loads(sent)
    assert (said["event"], said["headline"], said["release"]) == ("alarm", "shop was halted", "5020")
    assert SECRET not in sent.decode()


def test_a_webhook_that_refuses_is_an_error():
    with pytest.raises(Rejected):
        _webhook(Service(404, b"no")).over("k", ROLLOUT, NOTICE)


def test_a_reason_of_any_length_wakes_people():
    endless = Notice(
        "k", NoticeKind.ESCALATION, True, "shop", tuple(Fact(f"{n}", "x" * 99_999) for n in range(99))
    )
    pager, hook = Service(), Service(200, b"ok")
    _pager(pager).tell("k", ROLLOUT, endless)
    _webhook(hook).tell("k", ROLLOUT, endless)
    assert all(len(service.asked[0][3]) < 64_000 for service in (pager, hook))
