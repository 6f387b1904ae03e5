"""A configuration with an App Store app becomes a listing that reads that app with that key."""

from __future__ import annotations

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


def test_a_file_that_is_no_key_stops_the_daemon_before_it_runs(tmp_path, engine):
    with pytest.raises(WrongConfiguration, match="app_store: the key is none of App Store Connect"):
        wire(loaded(tmp_path, "no key at all"), Doors(), engine)
