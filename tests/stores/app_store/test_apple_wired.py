"""A configuration with an App Store app becomes a listing that reads that app with that key."""

from __future__ import annotations

import apple_recordings as told
import jwt
import pytest
from apple_fake import APP, ISSUER, KEY_ID, NEW, FakeApple, FakeVersion, old, pem, shown

from stagedrollout.config.load import load
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.bootstrap import Doors, wire
from stagedrollout.http.client import in_process
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade

CONFIGURATION = f"""\
database: sqlite:///x.db
app_store: {{key: {{env: APPLE_KEY}}, key_id: {KEY_ID}, issuer_id: {ISSUER}}}
sentry: {{organization: acme, token: {{env: SENTRY_TOKEN}}}}
apps:
  - name: acme
    policy: standard
    app_store: {{app_id: "{APP}", bundle_id: com.acme.app, sentry: {{project: acme-ios}}}}
"""


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def loaded(tmp_path, key):
    path = tmp_path / "stagedrollout.yaml"
    path.write_text(CONFIGURATION)
    return load(path, environ={"APPLE_KEY": key, "SENTRY_TOKEN": "sentry-secret"})


def test_an_app_on_the_app_store_alone_is_watched_with_its_own_key(tmp_path, engine):
    fake = FakeApple(FakeVersion(NEW), old())
    works = wire(loaded(tmp_path, pem()), Doors(http=in_process(fake.handle)), engine)
    (listing,) = works.listings.values()
    assert listing.id == StoreApp("acme", Store.APP_STORE)
    assert shown(listing.store.read()).exposure_ppm == 50_000
    assert fake.calls[0].path == f"/v1/apps/{APP}/appStoreVersions"
    assert jwt.get_unverified_header(fake.calls[0].headers["authorization"].split()[1])["kid"] == KEY_ID


@pytest.mark.parametrize(
    ("answer", "times", "words"),
    [
        (told.AGREEMENT, 1, "the Account Holder must sign"),
        (told.MEMBERSHIP, 1, "the Account Holder must renew it"),
        (told.ROLE_MISSING, 1, "needs the role App Manager"),
        (told.UNAUTHORIZED, 3, "Apple does not accept the key"),
    ],
    ids=["agreement", "membership", "role", "key"],
)
def test_whoever_must_mend_the_access_hears_of_it_and_nothing_is_written(
    tmp_path, engine, answer, times, words
):
    fake = FakeApple(FakeVersion(NEW), old())

    def handle(method, path, query, headers, body):
        ours = path.startswith("/v1/")
        return fake.handle(method, path, query, headers, body) if ours else (404, {}, b"{}")

    works = wire(loaded(tmp_path, pem()), Doors(http=in_process(handle)), engine)
    (listing,) = works.listings.values()
    works.passes.run(listing)
    fake.calls.clear()
    fake.fails("list", answer, times=times)
    done = works.passes.run(listing)
    assert words in done.problem
    assert (fake.steps, fake.writes) == (["list"] * times, [])
    with engine.connect() as connection:
        aloud = connection.exec_driver_sql("select body from outbox where broadcast and kind = 'held'")
        assert [words in body for body in aloud.scalars()] == [True]


def test_a_file_that_is_no_key_stops_the_daemon_before_it_runs(tmp_path, engine):
    with pytest.raises(WrongConfiguration, match="app_store: the key is none of App Store Connect"):
        wire(loaded(tmp_path, "no key at all"), Doors(), engine)
