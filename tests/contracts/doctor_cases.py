"""What only `doctor` asks, as stories in front of the emulator."""

from __future__ import annotations

from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.signals.sentry_survey import SentrySurvey
from stagedrollout.stores.app_store.survey import may_read_analytics, may_read_reviews
from stagedrollout.stores.app_store.survey import seen_apps as apps_of_the_key
from stagedrollout.stores.google_play.survey import Survey, seen_apps
from tests.contracts.stand import Stand
from tests.emulator.appstore_calls import APP_ID, ios_scenario
from tests.emulator.calls import PACKAGE, scenario


def a_package_and_its_account() -> Stand:
    """All that is asked of Play, an edit that is thrown away included (sections 5, 8 and 11)."""
    stand = Stand(scenario(), hours=30)
    clients = stand.clients()
    survey = Survey(clients.play, PACKAGE, "production")
    survey.reviews()
    with survey.edit() as edit:
        survey.write(edit, survey.tracks(edit)["production"])
        survey.validate(edit)
    survey.written_reviews()
    seen_apps(clients.reporting)
    return stand


def a_project_and_its_organization() -> Stand:
    stand = Stand(scenario(), hours=30)
    survey = SentrySurvey(stand.clients().sentry, ORGANIZATION)
    survey.about()
    survey.projects()
    survey.project("acme")
    survey.seen("acme")
    survey.statuses("acme", "production")
    return stand


def an_app_and_its_key() -> Stand:
    """What App Manager may not read, and what Admin may (section 2)."""
    stand = Stand(ios_scenario(), hours=30)
    client = stand.clients().app_store
    apps_of_the_key(client)
    may_read_reviews(client, APP_ID)
    for role in ("app_manager", "admin"):
        stand.turn(app_store_role=role)
        may_read_analytics(client, APP_ID)
    client.left()
    return stand


ALL = (a_package_and_its_account, a_project_and_its_organization, an_app_and_its_key)
