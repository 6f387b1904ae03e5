"""What a good configuration becomes, and how the parts of several files are told together."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.config.load import check, load, load_with_secrets
from stagedrollout.config.settings import ClockSource
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Mode, OnNewRelease, Store, Supersede
from stagedrollout.core.observation import Metric
from stagedrollout.core.policy import Completion
from tests.config.conftest import GOOD, POLICY, SECRETS, Write


def refused(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(WrongConfiguration) as error:
        load_with_secrets(path, environ={**SECRETS, **(environ or {})})
    return [line.removeprefix(f"{path.parent}/") for line in str(error.value).splitlines()]


def test_a_fresh_configuration_observes_and_waits(write: Write):
    path = write()
    loaded = load(path, environ={})
    (app,) = loaded.settings.apps
    assert (app.mode, app.on_new_release) == (Mode.OBSERVE, OnNewRelease.WAIT)
    assert app.supersede is Supersede.FINISH
    assert app.stores == (Store.GOOGLE_PLAY,)
    assert app.google_play is not None
    assert app.google_play.track == "production"
    assert app.google_play.sentry.release == "{package}@{version}+{build}"
    assert loaded.settings.poll == timedelta(minutes=15)
    assert loaded.settings.clock is ClockSource.SYSTEM
    assert loaded.settings.database == f"sqlite:///{path.parent}/state/x.db"
    assert loaded.settings.app("acme") is app
    assert loaded.settings.app("other") is None
    assert set(loaded.policies) == {"cautious", "standard", "hotfix"}


APP_STORE = """\
    app_store: {app_id: "6448311069", bundle_id: com.acme.app, sentry: {project: acme-ios}}
"""
ACCESS = "app_store: {key: {file: AuthKey.p8}, key_id: 2X9R4HXF34}\n"


def test_an_app_may_be_in_both_stores_and_a_key_may_be_a_persons_own(write: Write):
    settings = load(write(ACCESS + GOOD + APP_STORE), environ={}).settings
    (app,) = settings.apps
    assert app.stores == (Store.GOOGLE_PLAY, Store.APP_STORE)
    assert app.app_store is not None
    assert (app.app_store.app_id, app.app_store.countries) == ("6448311069", ())
    assert settings.app_store is not None
    assert (settings.app_store.issuer_id, settings.app_store.endpoint) == ("", "")


def test_an_app_says_what_a_newer_release_does_to_a_rollout(write: Write):
    path = write(GOOD.replace("    policy: standard", "    policy: standard\n    supersede: replace"))
    assert load(path, environ={}).settings.apps[0].supersede is Supersede.REPLACE
    path = write(GOOD.replace("    policy: standard", "    policy: standard\n    supersede: never"))
    told = "\n".join(refused(path))
    assert "finish" in told
    assert "replace" in told


EMULATED = (
    GOOD.replace("sqlite:///state/x.db", "sqlite:///x.db\nclock: emulator\nemulator: http://127.0.0.1:9000")
    .replace("play.json}", "play.json}, endpoint: 'http://127.0.0.1:9000'")
    .replace("SENTRY_TOKEN}", "SENTRY_TOKEN}, url: 'http://127.0.0.1:9000'")
    .replace("SLACK_TOKEN}", "SLACK_TOKEN}, endpoint: 'http://127.0.0.1:9000/api/'")
)


def test_the_lookup_must_be_emulated_only_where_something_is_looked_up(write: Write):
    access = ACCESS.replace("HXF34", "HXF34, endpoint: 'http://127.0.0.1:9000'")
    assert load(write(access + EMULATED + APP_STORE), environ={}).settings.app_store
    looking = APP_STORE.replace("com.acme.app", "com.acme.app, countries: [us, no]")
    assert any("lookup_endpoint" in line for line in refused(write(access + EMULATED + looking)))


def test_yaml_words_for_no_stay_words(write: Write):
    path = write(GOOD.replace("project: acme-android", "project: NO, environment: on"))
    (app,) = load(path, environ={}).settings.apps
    assert app.google_play is not None
    assert (app.google_play.sentry.project, app.google_play.sentry.environment) == ("NO", "on")


def test_an_alias_saves_writing_things_twice(write: Write):
    second = "  - {name: two, policy: standard, google_play: {package: com.acme.two, sentry: *source}}\n"
    path = write(GOOD.replace("sentry: {project", "sentry: &source {project") + second)
    one, two = load(path, environ={}).settings.apps
    assert one.google_play is not None
    assert two.google_play is not None
    assert one.google_play.sentry == two.google_play.sentry


def test_two_apps_may_share_a_package_when_each_has_a_track_of_its_own(write: Write):
    source = "package: com.acme.app, track: beta, sentry: {project: two}"
    loaded = load(
        write(GOOD + f"  - {{name: two, policy: standard, google_play: {{{source}}}}}\n"), environ={}
    )
    assert [app.google_play.track for app in loaded.settings.apps if app.google_play] == [
        "production",
        "beta",
    ]


def test_the_internal_track_is_one_track_by_both_its_names(write: Write):
    apps = [
        f"  - {{name: {name}, policy: standard, google_play: {{package: com.acme.in, track: {track}, sentry: {{project: x}}}}}}\n"
        for name, track in (("two", "internal"), ("three", "qa"))
    ]
    assert any("this package and this track" in line for line in refused(write(GOOD + "".join(apps))))


def test_policies_of_the_team_stand_beside_the_shipped_ones(write: Write):
    write(POLICY, "mine/slow.yaml")
    loaded = load(write("policies: [mine]\n" + GOOD.replace("standard", "slow")), environ={})
    assert set(loaded.policies) == {"cautious", "standard", "hotfix", "slow"}
    assert loaded.policies["slow"].name == "slow"
    assert loaded.policies["slow"].completion is Completion.BY_HAND
    assert loaded.policies["slow"].gates[0].metric is Metric.CRASH_FREE_SESSIONS


def test_a_policy_of_the_team_takes_precedence_over_a_shipped_one(write: Write):
    write("description: ours\n" + POLICY, "mine/standard.yaml")
    loaded = load(write("policies: [mine]\n" + GOOD), environ={})
    assert loaded.policies["standard"].description == "ours"


def test_a_policy_may_repeat_its_name(write: Write):
    write("name: slow\n" + POLICY, "mine/slow.yaml")
    assert "slow" in load(write("policies: [mine]\n" + GOOD), environ={}).policies


def test_problems_of_all_files_and_secrets_are_told_at_once_in_order(write: Write):
    write(POLICY.replace("24h", "24"), "mine/slow.yaml")
    write(POLICY, "mine/late.yml")
    write(POLICY, "mine/Loud.yaml")
    path = write("poll: 99h\npolicies: [mine]\n" + GOOD.replace("standard", "slwo"))
    lines = refused(path, {"SLACK_TOKEN": ""})
    assert lines == [
        "mine/Loud.yaml: this file name makes no policy name; use small letters, digits, dashes: my-policy.yaml",
        "mine/late.yml: would be overlooked; call it late.yaml",
        (
            "mine/slow.yaml:2:24: stages.0.bake: this value cannot be used; "
            "a duration is written like 45m, 24h, 3d or 1d 12h"
        ),
        "stagedrollout.yaml:1:7: poll: this value cannot be used; write a duration from 1m to 6h",
        (
            "stagedrollout.yaml:4:28: google_play.credentials: the file play.json does not exist; "
            "create it; its path is relative to this file's folder"
        ),
        "stagedrollout.yaml:6:16: slack.token: the environment variable SLACK_TOKEN is empty; put the secret there",
        "stagedrollout.yaml:9:13: apps.0.policy: there is no policy of this name; did you mean `slow`?",
    ]
    found = check(path, environ={**SECRETS, "SLACK_TOKEN": ""})
    assert [str(problem).removeprefix(f"{path.parent}/") for problem in found] == lines


def test_one_name_in_two_folders_is_refused(write: Write):
    write(POLICY, "a/slow.yaml")
    write(POLICY, "b/slow.yaml")
    path = write("policies: [a, b]\n" + GOOD)
    write("{}", "play.json")
    assert refused(path) == [
        f"b/slow.yaml: there is a policy of this name in {path.parent}/a/slow.yaml; rename one of them"
    ]


def test_a_folder_full_of_other_files_is_no_folder_of_policies(write: Write):
    for number in range(201):
        write("", f"mine/p{number}.yaml")
    write("{}", "play.json")
    assert refused(write("policies: [mine]\n" + GOOD)) == [
        "mine: more than 200 YAML files; name a folder of policies"
    ]


def test_check_is_content_with_what_run_can_start(write: Write):
    path = write()
    write('{"type": "service_account"}', "play.json")
    assert check(path, environ=SECRETS) == []
    loaded = load_with_secrets(path, environ=SECRETS)
    assert loaded.settings.slack is not None
    assert loaded.settings.google_play is not None
    assert loaded.secret(loaded.settings.slack.token).reveal() == "slack-secret"
    assert loaded.secret(loaded.settings.google_play.credentials).reveal() == '{"type": "service_account"}'


def test_a_loaded_configuration_does_not_show_the_environment(write: Write):
    assert "slack-secret" not in repr(load(write(), environ=SECRETS))


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"])
def test_the_emulators_clock_is_accepted_when_everything_is_on_loopback(write: Write, host: str):
    text = f'clock: emulator\nemulator: "http://{host}"\n' + GOOD.replace(
        "{file: play.json}", f'{{file: play.json}}, endpoint: "http://{host}"'
    ).replace("organization: acme,", f'organization: acme, url: "http://{host}",').replace(
        "C0RELEASE", f'C0RELEASE, endpoint: "http://{host}/slack/api/"'
    )
    settings = load(write(text), environ={}).settings
    assert settings.clock is ClockSource.EMULATOR
    assert settings.emulator == f"http://{host}"


def test_a_self_hosted_sentry_may_have_plain_http_when_its_owner_says_so(write: Write):
    text = GOOD.replace(
        "organization: acme,", 'organization: acme, allow_http: true, url: "http://sentry.intern",'
    )
    sentry = load(write(text), environ={}).settings.sentry
    assert sentry is not None
    assert sentry.url == "http://sentry.intern"


def test_allow_http_does_not_let_the_emulators_clock_near_a_real_service(write: Write):
    text = "clock: emulator\nemulator: http://127.0.0.1:1\n" + GOOD.replace(
        "organization: acme,", 'organization: acme, allow_http: true, url: "http://sentry.intern",'
    )
    write("{}", "play.json")
    assert any("sentry.url: the emulator's clock needs" in line for line in refused(write(text)))


def test_settings_cannot_be_changed_after_loading(write: Write):
    settings = load(write(), environ={}).settings
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.poll = timedelta(0)  # type: ignore[misc]


def test_what_people_paste_anywhere_is_masked_in_problems(write: Write):
    token = "xoxb-" + "1" * 12
    write("{}", "play.json")
    path = write(GOOD.replace("policy: standard", f"policy: standard\n    {token}: 1"))
    text = "\n".join(refused(path))
    assert "unknown key" in text
    assert token not in text


def test_problems_survive_being_handed_to_another_process(write: Write):
    with pytest.raises(WrongConfiguration) as error:
        load(write("database: 5\n"), environ={})
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


LINKED = ACCESS + GOOD + APP_STORE


def test_two_stores_are_linked_with_one_word(write: Write):
    (app,) = load(write(LINKED + "    link: {lead: google_play}\n"), environ={}).settings.apps
    assert app.link is not None
    assert (app.link.lead, app.link.after_ppm, app.link.match) == (Store.GOOGLE_PLAY, 200_000, "{version}")
    (app,) = load(write(LINKED), environ={}).settings.apps
    assert app.link is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "    link: {lead: google_play}\n", "not on app_store; add app_store, or remove link"),
        (LINKED + "    link: {lead: amazon}\n", "write one of: google_play, app_store"),
        (LINKED + "    link: {}\n", "lead"),
        (LINKED + "    link: {lead: google_play, after: 0}\n", "more than 0"),
        (LINKED + "    link: {lead: google_play, after: lots}\n", "percentage"),
        (LINKED + "    link: {lead: google_play, wait: 20}\n", "wait"),
        (LINKED + "    link: {lead: google_play, match: release}\n", "{version}"),
        (LINKED + "    link: {lead: google_play, match: '{version}-{code}'}\n", "only {version} and {build}"),
    ],
)
def test_a_link_that_cannot_be_is_told_in_words(write: Write, text: str, told: str):
    assert any(told in line for line in refused(write(text))), refused(write(text))


def test_a_lead_that_never_gets_so_far_is_not_waited_for_for_ever(write: Write):
    write(POLICY.replace("- {percent: 100}", "- {percent: 10, bake: 24h}"), "mine/short.yaml")
    short = (
        LINKED.replace("policy: standard", "policy: short")
        + "    link: {lead: google_play}\npolicies: [mine]\n"
    )
    assert any(
        "never raises Google Play so far: its last stage is 10 %" in line for line in refused(write(short))
    )
    assert load(write(short.replace("lead: google_play", "lead: google_play, after: 10")), environ={})
