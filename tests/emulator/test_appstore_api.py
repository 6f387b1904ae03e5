"""App Store Connect's answers: resources, lists, parameters (app-store-connect.md 3, 5, 9)."""

from __future__ import annotations

import re

import pytest

from stagedrollout.emulator.faults import Fault
from tests.emulator.appstore_calls import APP, PHASED, VERSIONS, apple_at, error, path_of

WHOLE = "include=build,appStoreVersionPhasedRelease"


def test_a_list_of_versions_reads_as_recorded():
    apple = apple_at(4 + 48)
    document = apple.get(f"{APP}/appStoreVersions?filter[platform]=IOS&filter[versionString]=5.2.0&{WHOLE}")
    (version,) = document["data"]
    assert re.fullmatch(r"[0-9a-f-]{36}", version["id"])
    attributes = version["attributes"]
    assert attributes | {"createdDate": ""} == {
        "platform": "IOS",
        "versionString": "5.2.0",
        "appStoreState": "READY_FOR_SALE",
        "appVersionState": "READY_FOR_DISTRIBUTION",
        "copyright": None,
        "reviewType": "APP_STORE",
        "releaseType": "AFTER_APPROVAL",
        "earliestReleaseDate": None,
        "usesIdfa": None,
        "downloadable": True,
        "createdDate": "",
    }
    build, phased = document["included"]
    assert (build["type"], build["attributes"]["version"]) == ("builds", "33417")
    assert phased["attributes"] == {
        "phasedReleaseState": "ACTIVE",
        "startDate": "2026-03-02T10:00:00Z",
        "totalPauseDuration": 0,
        "currentDayNumber": 3,
    }
    relations = version["relationships"]
    assert relations["build"]["data"] == {"type": "builds", "id": build["id"]}
    assert relations["appStoreVersionPhasedRelease"]["data"]["id"] == phased["id"]
    link = f"http://localhost{VERSIONS}/{version['id']}"
    assert relations["app"] == {"links": {"self": f"{link}/relationships/app", "related": f"{link}/app"}}
    assert {"appStoreVersionLocalizations", "customerReviews", "gameCenterAppVersion"} < set(relations)
    assert (version["links"], phased["links"]["self"]) == (
        {"self": link},
        f"http://localhost{PHASED}/{phased['id']}",
    )
    assert document["meta"] == {"paging": {"total": 1, "limit": 50}}


def test_both_forms_of_dates_occur():
    apple = apple_at(4)
    assert apple.version()["attributes"]["createdDate"] == "2026-03-01T23:00:00-08:00"
    assert (apple.phased() or {})["startDate"] == "2026-03-02T10:00:00Z"


def test_states_are_filtered_as_comma_lists_and_by_old_names_too():
    apple = apple_at(4)

    def found(query):
        return [
            version["attributes"]["versionString"]
            for version in apple.get(f"{APP}/appStoreVersions?{query}")["data"]
        ]

    assert found("") == ["5.2.0", "5.3.0", "5.1.0"]
    assert found("filter[appVersionState]=READY_FOR_DISTRIBUTION,PREPARE_FOR_SUBMISSION") == [
        "5.2.0",
        "5.3.0",
    ]
    assert found("filter%5BappStoreState%5D=READY_FOR_SALE") == ["5.2.0"]
    assert found("filter[platform]=MAC_OS") == []
    assert found("filter[versionString]=9.9") == []


def test_pages_are_followed_by_their_opaque_links_and_lose_and_repeat_nothing():
    apple = apple_at(4)
    seen, target, pages = [], f"{APP}/appStoreVersions?limit=1&{WHOLE}", 0
    while target:
        document = apple.get(target)
        seen += [version["attributes"]["versionString"] for version in document["data"]]
        assert document["meta"]["paging"] == {"total": 3, "limit": 1}
        assert document["included"]
        target, pages = path_of(document["links"]["next"]) if "next" in document["links"] else "", pages + 1
    assert (seen, pages) == (["5.2.0", "5.3.0", "5.1.0"], 3)


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("sort=-createdDate", "PARAMETER_ERROR.ILLEGAL", "sort"),
        ("filter[app]=1", "PARAMETER_ERROR.ILLEGAL", "filter[app]"),
        ("limit=201", "PARAMETER_ERROR.INVALID", "limit"),
        ("limit=0", "PARAMETER_ERROR.INVALID", "limit"),
        ("limit=many", "PARAMETER_ERROR.INVALID", "limit"),
        ("cursor=x", "PARAMETER_ERROR.INVALID", "cursor"),
        ("filter[platform]=ANDROID", "PARAMETER_ERROR.INVALID", "filter[platform]"),
        ("filter[appVersionState]=LIVE", "PARAMETER_ERROR.INVALID", "filter[appVersionState]"),
        ("include=everything", "PARAMETER_ERROR.INVALID", "include"),
        ("include=build&include=app", "PARAMETER_ERROR.INVALID", "include"),
        ("fields[appStoreVersions]=colour", "PARAMETER_ERROR.INVALID", "fields[appStoreVersions]"),
    ],
)
def test_a_parameter_that_apple_does_not_take_is_refused_with_400(query, code, parameter):
    answer = apple_at(4)("GET", f"{APP}/appStoreVersions?{query}")
    told = error(answer)
    assert (answer.status, told["status"], told["code"]) == (400, "400", code)
    assert told["source"] == {"parameter": parameter}


def test_fields_choose_attributes_and_relationships():
    apple = apple_at(4)
    query = "fields[appStoreVersions]=versionString,build&fields[builds]=version&include=build"
    document = apple.get(f"{APP}/appStoreVersions?{query}")
    version = document["data"][0]
    assert version["attributes"] == {"versionString": "5.2.0"}
    assert list(version["relationships"]) == ["build"]
    assert document["included"][0]["attributes"] == {"version": "33417"}
    assert "relationships" not in document["included"][0]


def test_an_app_is_found_by_its_bundle_id_and_a_version_by_its_id():
    apple = apple_at(4)
    (app,) = apple.get("/v1/apps?filter[bundleId]=com.acme.app&fields[apps]=name,bundleId")["data"]
    assert (app["id"], app["attributes"]) == ("6448311069", {"name": "acme", "bundleId": "com.acme.app"})
    assert apple.get("/v1/apps?filter[bundleId]=com.acme.ap")["data"] == []
    version = apple.version()
    document = apple.get(f"{VERSIONS}/{version['id']}?{WHOLE},app")
    assert document["data"]["attributes"] == version["attributes"]
    assert [resource["type"] for resource in document["included"]] == [
        "apps",
        "builds",
        "appStoreVersionPhasedReleases",
    ]
    assert apple.get(f"{VERSIONS}/{version['id']}/build")["data"]["attributes"]["version"] == "33417"


def test_a_filter_on_bundle_ids_may_find_too_much():
    apple = apple_at(4, rest="switches: {bundle_filter_exact: false}")
    (app,) = apple.get("/v1/apps?filter[bundleId]=com.acme")["data"]
    assert app["attributes"]["bundleId"] == "com.acme.app"


def test_nothing_behind_a_relation_is_null_or_404():
    apple = apple_at(4)
    version = apple.version("5.1.0")
    path = f"{VERSIONS}/{version['id']}/appStoreVersionPhasedRelease"
    assert apple.get(path) == {"data": None, "links": {"self": f"http://localhost{path}"}}
    included = apple.get(f"{VERSIONS}/{version['id']}?{WHOLE}")
    assert included["data"]["relationships"]["appStoreVersionPhasedRelease"]["data"] is None
    apple.world.turn({"phased_missing": "404"})
    answer = apple("GET", path)
    assert (answer.status, error(answer)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/v1/apps/1/appStoreVersions", "NOT_FOUND"),
        (f"{VERSIONS}/none", "NOT_FOUND"),
        (f"{VERSIONS}/none/build", "NOT_FOUND"),
        ("/v1/nonsense", "PATH_ERROR"),
        ("/v1/", "PATH_ERROR"),
        (f"{APP}/appStoreVersions/x/y", "PATH_ERROR"),
        (PHASED, "PATH_ERROR"),
    ],
)
def test_what_is_not_there_is_404(target, code):
    answer = apple_at(4)("GET", target)
    assert (answer.status, error(answer)["code"]) == (404, code)


def test_the_start_date_may_be_set_before_anything_started():
    apple = apple_at(2)
    assert apple.phased() == {
        "phasedReleaseState": "INACTIVE",
        "startDate": "2026-03-02T07:00:00Z",
        "totalPauseDuration": 0,
        "currentDayNumber": 0,
        "id": (apple.phased() or {})["id"],
    }
    later = apple_at(2, rest="switches: {start_date_while_inactive: false}")
    assert (later.phased() or {})["startDate"] is None


def test_attributes_that_say_nothing_may_be_absent():
    apple = apple_at(2, rest="switches: {app_store_sparse: true, start_date_while_inactive: false}")
    assert set(apple.phased() or {}) == {"phasedReleaseState", "id"}
    assert "earliestReleaseDate" not in apple.version()["attributes"]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("day_missing", "currentDayNumber", None),
        ("unknown_state", "phasedReleaseState", "EMULATED_NEW_STATE"),
        ("extra_fields", "emulatedOutputOnly", {"since": "2026"}),
    ],
)
def test_odd_data_of_a_phased_release(kind, name, value):
    apple = apple_at(4)
    path = f"{VERSIONS}/{apple.version()['id']}/appStoreVersionPhasedRelease"
    apple.world.faults.add(Fault("app_store", kind))
    assert apple.get(path)["data"]["attributes"][name] == value
    assert apple.get(path)["data"]["attributes"].get(name) != value


def test_availability_tells_all_territories_page_by_page():
    apple = apple_at(4)
    found = apple.get(f"{APP}/appAvailabilityV2")["data"]
    assert found["attributes"]["availableInNewTerritories"] is True
    target, codes = path_of(found["relationships"]["territoryAvailabilities"]["links"]["related"]), set()
    target += "include=territory"
    while target:
        document = apple.get(target)
        assert {entry["attributes"]["available"] for entry in document["data"]} == {True}
        codes |= {entry["relationships"]["territory"]["data"]["id"] for entry in document["data"]}
        target = path_of(document["links"]["next"]) if "next" in document["links"] else ""
    assert len(codes) == 175
    assert {"USA", "DEU", "JPN"} < codes


def test_reviews_are_asked_of_an_app_and_of_a_version():
    apple = apple_at(4 + 48)
    of_app = apple.get(f"{APP}/customerReviews?sort=-createdDate&limit=200")
    assert of_app["meta"]["paging"]["limit"] == 200
    of_version = apple.get(f"{VERSIONS}/{apple.version()['id']}/customerReviews")
    assert of_version["meta"]["paging"]["total"] <= of_app["meta"]["paging"]["total"]
    assert [entry["operation"] for entry in _operations(apple)][-1] == "customer_reviews.version"


def _operations(apple):
    service = next(s for s in apple.world._services if s.name == "app_store")
    return [{"operation": service.operation(r["method"], r["path"])} for r in apple.world.ledger.requests]
