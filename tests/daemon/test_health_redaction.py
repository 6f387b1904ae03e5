"""No secret gets past the redactor, in whatever form a library prints it; what is no secret stays readable."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from stagedrollout.config.problems import masked
from stagedrollout.core.redaction import MASK, Redactor

SECRET = "c4n/ary+47 11\\ß"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n"
KEY_FILE = json.dumps(
    {
        "type": "service_account",
        "client_email": "bot@acme.test",
        "private_key": PEM,
        "private_key_id": "0a1b2c3d4e5f",
    },
    indent=2,
)
redactor = Redactor.of([SECRET, KEY_FILE])

FORMS = {
    "plain": SECRET,
    "json": json.dumps(SECRET),
    "json in unicode": json.dumps(SECRET, ensure_ascii=False),
    "repr": repr(SECRET),
    "percent": quote(SECRET, safe=""),
    "percent, slashes kept": quote(SECRET),
    "percent, small": re.sub(r"%..", lambda found: found[0].lower(), quote(SECRET, safe="")),
    "form": quote_plus(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "the key file": KEY_FILE,
    "the parsed key file": repr(json.loads(KEY_FILE)),
    "the key": PEM,
    "the key's body": PEM.splitlines()[1],
    "the key as a literal": repr(PEM),
    "the key's id": "0a1b2c3d4e5f",
}


@pytest.mark.promise("R24")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_known_secret_is_masked_in_every_form(form: str):
    said = redactor.text(f"before {form} after")
    assert said.startswith("before ")
    assert said.endswith(" after")
    for leak in (form, SECRET, *PEM.splitlines()[1:3], "0a1b2c3d4e5f", "c4n"):
        assert leak not in said


@pytest.mark.promise("R24")
@pytest.mark.parametrize("before", ["", "u", "us", "user:", "a longer user name:"])
@pytest.mark.parametrize("after", ["", "x", "yz", ":more"])
def test_a_secret_is_masked_wherever_it_stands_in_something_encoded(before: str, after: str):
    encoded = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
    said = redactor.text(f"Proxy: {encoded}")
    assert MASK in said
    left = [said[i : i + 6] for i in range(7, len(said) - 5)]
    assert not [piece for piece in left if piece in encoded[len(before) * 4 // 3 : -len(after) - 4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("POST https://hooks.slack.com/services/T1/B2/xyz failed", "POST https://hooks.slack.com/*** failed"),
        ("https://slack.com/api/auth.test", "https://slack.com/***"),
        ("https://oauth2.googleapis.com/token?assertion=abc", "https://oauth2.googleapis.com/***"),
        ("https://api.appstoreconnect.apple.com/v1/apps/6448311069", "https://api.appstoreconnect.apple.com/***"),
        ("http://127.0.0.1:9/x/services/T1/B2/xyz", "http://127.0.0.1:9/x/services/***"),
        ("https://sentry.io/api/0/x/?query=release&a=b.", "https://sentry.io/api/0/x/?***"),
        ("postgres://me:pa/ss@db.intern/x", "postgres://db.intern/x"),
        ("https://notslack.com/a", "https://notslack.com/a"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "{'authorization': 'Basic ***'}"),
        ('{"access_token": "opaque", "ok": true}', '{"access_token": "***", "ok": true}'),
        ("/chat?token=opaque&x=1", "/chat?token=***&x=1"),
        ("xoxb-1-2-abc, xapp-1-A and sntrys_eyJpYXQ", "*** *** and ***"),
        ("ya29.a0AfH6SM", "***"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.sig", "***"),
        ("key:\n-----BEGIN EC KEY-----\nMHcC\n-----END EC KEY-----\nthen", "key:\n***\nthen"),
        ("cut short: -----BEGIN EC PRIVATE KEY-----\nMHcCAQ", "cut short: ***"),
    ],
)  # fmt: skip
def test_what_looks_like_a_credential_is_masked_although_nobody_told_of_it(text: str, said: str):
    assert redactor.text(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "google_play: getting an access token: unreachable",
        "slack.token: the environment variable SLACK_TOKEN is empty; put the secret there",
        "basic questions, bearer of bad news",
        "acme/google_play 5.2.0 (5020): the store could not be read: timed out after 20 s",
        "sqlite:///state/x.db at 2026-03-02T06:00:00+00:00, 99.5 %, a1b2c3d4e5f60718293a4b5c6d7e8f90",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str):
    assert redactor.text(text) == text


def test_a_document_is_cleaned_in_its_keys_its_depths_and_by_the_names_of_its_fields():
    document = {
        "a": [{"b": (f"x {SECRET}", 5, None, True)}],
        SECRET: 1,
        "Slack-Token": {"deep": ["opaque"]},
        "http.query": "opaque",
        "object": object(),
    }
    clean = redactor.document(document)
    assert clean == {
        "a": [{"b": [f"x {MASK}", 5, None, True]}],
        MASK: 1,
        "Slack-Token": MASK,
        "http.query": MASK,
        "object": MASK,
    }
    assert document["Slack-Token"] == {"deep": ["opaque"]}  # the original is somebody else's


def test_a_document_without_end_is_cut_and_not_followed():
    endless: list[object] = []
    endless.append(endless)
    assert MASK in str(redactor.document(endless))


def test_a_redactor_does_not_show_what_it_knows():
    assert SECRET not in repr(redactor)


def test_a_secret_too_short_to_be_one_does_not_spoil_every_text():
    assert Redactor.of(["a", ""]).text("a dark alley") == "a dark alley"


def test_problems_of_the_configuration_are_masked_by_the_same_rules_and_keep_their_addresses():
    assert masked("xoxb-1-2-abc") == masked("a1b2" * 8) == MASK
    assert (
        masked("write a web address like https://slack.com/api/")
        == "write a web address like https://slack.com/api/"
    )


@pytest.mark.promise("R22")
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.token-",
        "basic ",
        "ab://",
        "ab://a@",
        "xoxb-",
        "-----BEGIN A-----x",
        "authorization=   ",
        "'token' :  ",
    ],
)
def test_no_text_however_long_holds_a_thread_up(piece: str):
    """Were it to take the square of its length, this would end in the test's time limit."""
    assert redactor.text(piece * (300_000 // len(piece)))
