"""Every way in which our adapters talk to App Store Connect, as stories in front of the emulator."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import Settlement, Store, Verb
from stagedrollout.core.units import PPM_ALL
from stagedrollout.emulator.appstore_operations import PHASED_TAKES
from stagedrollout.emulator.request import JSON, Request, Response
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.stores.app_store.availability import app_name, sold_nowhere, territories, to_remove
from tests.contracts.stand import Stand
from tests.emulator.appstore_calls import APP, APP_ID, BY_REQUEST, PHASED, VERSIONS, AppleCaller, ios_scenario
from tests.emulator.opinions_story import talking_scenario

NEW = "5.2.0"
_MANY = """\
name: many
start: 2026-03-02T06:00:00Z
until: 9d
apps:
  - name: acme
    store: app_store
    package: com.acme.app
    app_id: "6448311069"
    population: 100000
    releases:
%s
"""


def prepared_started_stepped_and_completed() -> Stand:
    """Rows 7, 8 and 10, and every refusal on the way."""
    stand = Stand(ios_scenario(f"{BY_REQUEST[:-1]}, phased: false}}"), hours=2)
    stand.raised(Verb.PREPARE, NEW, 0)
    stand.wait(6)
    stand.raised(Verb.START, NEW, 10_000)
    stand.halted(NEW, Settlement.REFUSED)
    stand.wait(2)
    stand.halted(NEW)
    stand.raised(Verb.STEP, NEW, 20_000)
    stand.wait(25)
    stand.halted(NEW)
    stand.raised(Verb.RESUME, NEW, 20_000)
    stand.raised(Verb.COMPLETE, NEW, PPM_ALL)
    stand.halted(NEW, Settlement.REFUSED)
    return stand


def started_without_a_phased_release() -> Stand:
    stand = Stand(ios_scenario(f"{BY_REQUEST[:-1]}, phased: false}}"), hours=8)
    stand.raised(Verb.START, NEW, 10_000)
    return stand


def paused_while_the_list_cannot_be_read() -> Stand:
    stand = Stand(ios_scenario(), hours=30)
    stand.listing().store.glance()
    stand.fault("app_store", "500", "versions.list", count=1)
    stand.halted(NEW)
    return stand


def listed_on_several_pages() -> Stand:
    """More versions than a page holds, none of them out (section 3)."""
    rows = [f'      - {{version: "5.{n}.0", code: {5000 + n}, crash_free: 99.8}}' for n in range(1, 61)]
    stand = Stand(parse_scenario(_MANY % "\n".join(rows), Path("many.yaml")))
    stand.world.app_store.apps[0].versions[-1].state = "REPLACED_WITH_NEW_VERSION"
    with suppress(EdgeError):
        stand.listing().store.read()
    return stand


def listed_without_saying_who_has_phases() -> Stand:
    """Where the list says nothing of a phased release, it is asked for by itself (row 6), and may be none."""
    stand = Stand(ios_scenario(), hours=30)
    world = stand.world.handle

    def silent(request: Request) -> Response:
        response = world(request)
        if not request.path.endswith("/appStoreVersions"):
            return response
        document = json.loads(response.body)
        for version in document["data"]:
            version["relationships"]["appStoreVersionPhasedRelease"].pop("data")
        return Response(response.status, {"content-type": JSON}, json.dumps(document).encode())

    stand.world.handle = silent
    stand.listing().store.read()
    stand.turn(phased_missing="404")
    stand.listing().store.read()
    stand.world.handle = world
    return stand


def taken_off_sale() -> Stand:
    """Rows 20 and 21: by a person's order, territory by territory."""
    stand = Stand(ios_scenario(), hours=30)
    client = stand.listing().store._client
    app_name(client, APP_ID)
    assert not sold_nowhere(client, APP_ID)
    client.write(to_remove(territories(client, APP_ID)[0]), lambda: None)
    return stand


def reviewed() -> Stand:
    """Rows 2 and 11, for the candidate and the version before it."""
    stand = Stand(talking_scenario(), hours=26)
    for opinion in stand.listing(Store.APP_STORE).opinions:
        opinion.read(stand.query(Store.APP_STORE))
    return stand


def everything_else() -> Stand:
    """What the emulator answers though no adapter asks for it, whole: with all attributes and relations."""
    stand = Stand(ios_scenario(), hours=30)
    apple = AppleCaller(stand.world)
    version, coming = apple.version(NEW)["id"], apple.version("5.3.0")["id"]
    fields = ",".join(PHASED_TAKES.fields["appStoreVersionPhasedReleases"])
    for target in (
        "/v1/apps?filter[bundleId]=com.acme.app&limit=1",
        APP,
        f"{APP}/appStoreVersions?include=app,build,appStoreVersionPhasedRelease&limit=2",
        f"{APP}/appAvailabilityV2",
        f"{APP}/appAvailabilityV2?include=territoryAvailabilities",
        f"{APP}/customerReviews?limit=2&sort=-createdDate",
        f"/v2/appAvailabilities/{APP_ID}/territoryAvailabilities?limit=200&include=territory",
        f"{VERSIONS}/{version}?include=app,build",
        f"{VERSIONS}/{version}/build",
        f"{VERSIONS}/{version}/appStoreVersionPhasedRelease",
        f"{VERSIONS}/{version}/appStoreVersionPhasedRelease?fields[appStoreVersionPhasedReleases]={fields}",
        f"{VERSIONS}/{coming}/appStoreVersionPhasedRelease",
    ):
        apple.get(target)
    data = {"type": "appStoreVersions", "id": coming, "attributes": {"releaseType": "MANUAL"}}
    apple("PATCH", f"{VERSIONS}/{coming}", {"data": data})
    made = apple.plan("5.3.0", phasedReleaseState="INACTIVE").document["data"]["id"]
    apple("DELETE", f"{PHASED}/{made}")
    apple("DELETE", f"{PHASED}/{apple.phased(NEW)['id']}")
    return stand


ALL = (
    prepared_started_stepped_and_completed,
    started_without_a_phased_release,
    paused_while_the_list_cannot_be_read,
    listed_on_several_pages,
    listed_without_saying_who_has_phases,
    taken_off_sale,
    reviewed,
    everything_else,
)
