"""The judge of the contracts finds what is wrong: one wrong thing at a time, in an API small enough to be read."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from stagedrollout.emulator.request import Request, Response
from tests.contracts import discovery, openapi, specs
from tests.contracts.exchange import Exchange

NOTE = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string"},
        "mood": {"type": "string", "enum": ["good", "bad"], "nullable": True},
        "at": {"type": "string", "format": "date-time"},
        "about": {"$ref": "#/components/schemas/Thing"},
    },
}
SMALL = openapi.read(
    {
        "components": {
            "schemas": {"Note": NOTE, "Thing": {"type": "object", "properties": {"id": {"type": "integer"}}}}
        },
        "paths": {
            "/notes/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "get": {
                    "operationId": "read",
                    "parameters": [
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 200}},
                        {"name": "whole", "in": "query", "required": True, "schema": {"type": "boolean"}},
                        {
                            "name": "fields[notes]",
                            "in": "query",
                            "style": "form",
                            "explode": False,
                            "schema": {
                                "type": "array",
                                "items": {"type": "string", "enum": ["text", "mood"]},
                            },
                        },
                        {
                            "name": "tag",
                            "in": "query",
                            "schema": {"type": "array", "items": {"type": "string"}},
                        },
                    ],
                    "responses": {
                        "200": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
                        },
                        "204": {},
                    },
                },
                "post": {
                    "operationId": "write",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}},
                    },
                    "responses": {"204": {}},
                },
            }
        },
    }
)
GOOD = {"text": "a", "mood": "good", "at": "2026-03-02T09:14:22Z", "about": {"id": 1}}
PLAY = "/androidpublisher/v3/applications/com.acme.app"


def wrong(description, exchange):
    return [str(finding) for finding in description.findings(exchange)]


def asked(method="GET", path="/notes/7", query=(("whole", "true"),), body=None, kind="application/json"):
    target = f"{path}?{urlencode(query)}"
    sent = b"" if body is None else json.dumps(body).encode()
    request = Request.to(method, target, headers={"content-type": kind}, body=sent)
    return Exchange(request, Response(204, {}, b""))


def answered(document=None, status=200, kind="application/json; charset=utf-8", body=None):
    content = json.dumps(document).encode() if body is None else body
    return Exchange(asked().request, Response(status, {"content-type": kind}, content))


def test_what_is_right_is_let_pass():
    query = [
        ("whole", "true"),
        ("limit", "200"),
        ("fields[notes]", "text,mood"),
        ("tag", "a,b"),
        ("tag", "c"),
    ]
    assert wrong(SMALL, asked(query=query)) == []
    assert wrong(SMALL, asked("POST", query=(), body=GOOD)) == []
    assert wrong(SMALL, answered(GOOD)) == []
    assert wrong(SMALL, answered({"text": "", "mood": None})) == []
    assert wrong(SMALL, answered(status=204, body=b"")) == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ([], "?whole is missing"),
        ([("whole", "yes")], "?whole: $: 'yes' is not of type 'boolean'"),
        ([("whole", "true"), ("colour", "red")], "?colour is no parameter"),
        ([("whole", "true"), ("limit", "201")], "?limit: $: 201 is greater than the maximum of 200"),
        ([("whole", "true"), ("limit", "many")], "?limit: $: 'many' is not of type 'integer'"),
        ([("whole", "true"), ("limit", "1"), ("limit", "2")], "?limit comes 2 times"),
        (
            [("whole", "true"), ("fields[notes]", "text,size")],
            "?fields[notes]: $[]: 'size' is not one of ['text', 'mood']",
        ),
        (
            [("whole", "true"), ("fields[notes]", "text"), ("fields[notes]", "mood")],
            "?fields[notes] comes 2 times",
        ),
    ],
)
def test_a_wrong_parameter_is_found(query, complaint):
    assert wrong(SMALL, asked(query=query)) == [f"read, request: {complaint}"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (None, "the body is missing"),
        ({"mood": "bad"}, "$: 'text' is a required property"),
        ({"text": 1}, "$.text: 1 is not of type 'string'"),
        ({"text": "", "mood": "fair"}, "$.mood: 'fair' is not one of ['good', 'bad', None]"),
        ({"text": "", "size": 1}, "$: Additional properties are not allowed ('size' was unexpected)"),
        ({"text": "", "at": "yesterday"}, "$.at: 'yesterday' is not a 'date-time'"),
        ({"text": "", "at": "2026-03-02T09:14:22"}, "$.at: '2026-03-02T09:14:22' is not a 'date-time'"),
        ({"text": "", "about": None}, "$.about: None is not of type 'object'"),
        (
            {"text": "", "about": {"name": 1}},
            "$.about: Additional properties are not allowed ('name' was unexpected)",
        ),
    ],
)
def test_a_wrong_body_is_found_in_what_we_send_and_in_what_is_answered(body, complaint):
    assert wrong(SMALL, asked("POST", query=(), body=body)) == [f"write, request: {complaint}"]
    if body is not None:
        assert wrong(SMALL, answered(body)) == [f"read, answer 200: {complaint}"]


def test_what_is_not_described_at_all_is_found():
    assert wrong(SMALL, asked(path="/notes")) == ["unknown, request: GET /notes is no operation"]
    assert wrong(SMALL, asked("DELETE")) == ["unknown, request: DELETE /notes/7 is no operation"]
    assert wrong(SMALL, asked(body=GOOD)) == ["read, request: there is a body, and none is described"]
    assert wrong(SMALL, answered(GOOD, status=202)) == ["read, answer 202: the status is not described"]
    assert wrong(SMALL, answered(GOOD, status=204)) == [
        "read, answer 204: there is a body, and none is described"
    ]
    assert wrong(SMALL, answered(GOOD, kind="text/html")) == [
        "read, answer 200: the body calls itself text/html"
    ]
    assert wrong(SMALL, answered(body=b"{")) == ["read, answer 200: the body is no JSON"]
    form = asked("POST", query=(), body=GOOD, kind="application/x-www-form-urlencoded")
    assert wrong(SMALL, form) == ["write, request: the body calls itself application/x-www-form-urlencoded"]


def play(method, path, query=(), body=None, status=204, answer=b""):
    request = asked(method, f"{PLAY}{path}", [("alt", "json"), *query], body).request
    return Exchange(request, Response(status, {"content-type": "application/json"}, answer))


def of_play(*arguments, **more):
    return wrong(discovery.described("androidpublisher.v3"), play(*arguments, **more))


def track(**fields):
    return {"track": "production", "releases": [{"versionCodes": ["5020"], "status": "halted", **fields}]}


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (("PUT", "/edits/1/tracks/production", (), track()), None),
        (("PUT", "/edits/1/tracks/wear%3Aproduction", (), track(userFraction=0.5)), None),
        (
            ("PUT", "/edits/1/tracks/production", (), track(status="paused")),
            "$.releases[].status: 'paused' is not one of",
        ),
        (
            ("PUT", "/edits/1/tracks/production", (), track(versionCodes=[5020])),
            "$.releases[].versionCodes[]: 5020 is not of type 'string'",
        ),
        (("PUT", "/edits/1/tracks/production", (), track(fraction=1)), "Additional properties"),
        (("POST", "/edits/1:commit", (("changesInReviewBehavior", "ERROR_IF_IN_REVIEW"),), None), None),
        (
            ("POST", "/edits/1:commit", (("changesInReviewBehavior", "REFUSE"),), None),
            "?changesInReviewBehavior: $: 'REFUSE' is not one of",
        ),
        (
            ("POST", "/edits/1:commit", (("changesNotSentForReview", "yes"),), None),
            "?changesNotSentForReview: $: 'yes' is not of type 'boolean'",
        ),
        (("POST", "/edits/1:commit", (), track()), "there is a body, and none is described"),
        (("POST", "/edits/1:publish", (), None), "is no operation"),
        (("DELETE", "/edits/1", (("force", "true"),), None), "?force is no parameter"),
    ],
)
def test_google_s_own_documents_are_read_as_strictly(sent, complaint):
    found = [one for one in of_play(*sent) if ", request" in one]
    assert len(found) == (complaint is not None), found
    assert complaint is None or complaint in found[0]


def test_an_answer_that_google_s_documents_do_not_describe_is_found():
    assert of_play("GET", "/tracks/production/releases", status=200, answer=b'{"releases":[]}') == []
    assert "Additional properties" in str(
        of_play("GET", "/edits/1", status=200, answer=b'{"id":"1","owner":"x"}')
    )
    assert of_play("GET", "/edits/1", status=200, answer=b'{"expiryTimeSeconds":"7"}') == []
    assert "7 is not of type 'string'" in str(
        of_play("GET", "/edits/1", status=200, answer=b'{"expiryTimeSeconds":7}')
    )
    assert "is not described" in str(of_play("GET", "/edits/1", status=302, answer=b""))
    assert "'status' is a required property" in str(
        of_play("GET", "/edits/1", status=400, answer=b'{"error":{"code":400,"message":"x","errors":[]}}')
    )


def test_a_file_is_no_document_where_google_gives_files():
    storage = discovery.described("storage.v1")
    target, csv = "/storage/v1/b/pubsite_prod_rev_1/o/stats%2Fratings%2Fx.csv", b"\xff\xfeD\x00"
    for query, found in (
        ("?alt=media", []),
        ("?alt=json", ["the body is no JSON"]),
        ("", ["the body is no JSON"]),
    ):
        answer = Response(200, {"content-type": "application/json"}, csv)
        told = storage.findings(Exchange(Request.to("GET", target + query), answer))
        assert [one.text for one in told] == found


def test_vitals_are_asked_as_google_s_documents_say():
    vitals = discovery.described("playdeveloperreporting.v1beta1")
    target = "/v1beta1/apps/com.acme.app/crashRateMetricSet:query"
    body = {
        "dimensions": ["versionCode"],
        "metrics": ["crashRate"],
        "timelineSpec": {"aggregationPeriod": "DAILY"},
    }
    weekly = {**body, "timelineSpec": {"aggregationPeriod": "WEEKLY"}}
    of_requests = [
        [one.text for one in vitals.findings(asked("POST", target, (), sent)) if one.side == "request"]
        for sent in (body, weekly)
    ]
    assert of_requests[0] == []
    assert "'WEEKLY' is not one of" in of_requests[1][0]


@pytest.mark.parametrize("name", [specs.APP_STORE, specs.SENTRY])
def test_every_operation_of_a_description_can_be_read(name):
    described = openapi.described(specs.folder() / name)
    assert len(described.operations) == {specs.APP_STORE: 44, specs.SENTRY: 11}[name]


def test_without_the_folder_a_stranger_s_tests_are_skipped_and_ci_fails(monkeypatch, tmp_path):
    for named, why in (("", "names no folder"), (str(tmp_path), f"holds no {specs.APP_STORE}")):
        monkeypatch.setenv(specs.VARIABLE, named)
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=why):
            specs.folder()
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match=why):
            specs.folder()
