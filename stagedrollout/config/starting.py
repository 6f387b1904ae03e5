"""The files a team begins with: a configuration and a policy of its own, written from a few answers.

They are for people to read and change, so every line says what it is for, and `mode: observe` changes nothing in a store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import parse
from stagedrollout.core.people import OsUser, PersonName

POLICY = "team"
"""What the team's own policy is called."""

_ZONE = "  time_zone: UTC        # yours, like Europe/Berlin; the hours below are local time there\n"
_COMMENT_AT = 44


class SecretsIn(StrEnum):
    """Where the secrets are: files beside the configuration, the environment, or what systemd hands over."""

    FILE = "file"
    ENV = "env"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class StartingSecret:
    """One secret that the configuration speaks of at `place`; `what` says what it is and where one gets it."""

    place: str
    name: str
    variable: str
    what: str


PLAY_KEY = StartingSecret(
    "google_play.credentials",
    "play.json",
    "GOOGLE_PLAY_KEY",
    "the JSON key of a service account (Google Cloud: IAM, Service accounts, Keys) that Play Console has invited",
)
APPLE_KEY = StartingSecret(
    "app_store.key",
    "AuthKey.p8",
    "APP_STORE_KEY",
    "the .p8 file of an API key (App Store Connect: Users and Access, Integrations; role App Manager)",
)
SENTRY_TOKEN = StartingSecret(
    "sentry.token",
    "sentry-token",
    "SENTRY_TOKEN",
    "an internal integration's token (Sentry: Settings, Custom Integrations) with org:read, project:read, event:read",
)
SLACK_TOKEN = StartingSecret(
    "slack.token",
    "slack-token",
    "SLACK_TOKEN",
    "a bot's token, xoxb-..., with chat:write and files:write; invite the bot to the channel",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked; each text has passed the reader of its setting. "" for what there is not."""

    app: str
    package: str = ""
    track: str = "production"
    app_store_id: str = ""
    bundle_id: str = ""
    key_id: str = ""
    issuer_id: str = ""
    sentry_url: str
    sentry_organization: str
    sentry_android_project: str = ""
    sentry_ios_project: str = ""
    slack_channel: str = ""
    secrets: SecretsIn = SecretsIn.FILE
    time_zone: str = "UTC"
    os_user: str = ""
    """Who begins with it, as the machine knows them."""

    @property
    def needed_secrets(self) -> tuple[StartingSecret, ...]:
        found = {
            PLAY_KEY: self.package,
            APPLE_KEY: self.app_store_id,
            SENTRY_TOKEN: "x",
            SLACK_TOKEN: self.slack_channel,
        }
        return tuple(secret for secret, used in found.items() if used)

    def where(self, secret: StartingSecret) -> str:
        """Where to put it, as one would say it."""
        match self.secrets:
            case SecretsIn.FILE:
                return f"secrets/{secret.name}"
            case SecretsIn.ENV:
                return f"environment variable {secret.variable}"
            case SecretsIn.CREDENTIAL:
                return f"systemd credential {secret.name}"

    def reference(self, secret: StartingSecret) -> str:
        match self.secrets:
            case SecretsIn.FILE:
                return f"{{file: secrets/{secret.name}}}"
            case SecretsIn.ENV:
                return f"{{env: {secret.variable}}}"
            case SecretsIn.CREDENTIAL:
                return f"{{credential: {secret.name}}}"


def configuration_text(answers: Answers) -> str:
    """stagedrollout.yaml."""
    parts = (_head(), _accesses(answers), _slack(answers), _people(answers), _apps(answers))
    return "\n".join(line for part in parts for line in part) + "\n"


def policy_text(time_zone: str) -> str:
    """The team's own policy: a copy of `standard`, in the team's own hours. Raises FileNotFoundError."""
    standard = (policies_folder() / "standard.yaml").read_text("utf-8")
    _, _, body = standard.partition("\n\n")
    own = _lined(f"  time_zone: {_text(time_zone)}", "the hours below are local time there")
    if _ZONE not in body:
        raise ValueError("standard.yaml has no line for the time zone")
    return f"{_POLICY_HEAD}\n{body.replace(_ZONE, own + chr(10))}"


_POLICY_HEAD = f"""\
# yaml-language-server: $schema=../schema/policy.json
# {POLICY}: your own policy, for you to change. It begins as a copy of the shipped policy `standard`.
#
# `stagedrollout policy show {POLICY}` tells in words what it would do, `stagedrollout policy simulate {POLICY}` tries it in a
# thousand rehearsals. Keys you leave out have the defaults named here.
"""


def _head() -> Iterator[str]:
    yield "# yaml-language-server: $schema=schema/config.json"
    yield "# What stagedrollout watches, and with whose rights. Paths are relative to this file; a key that is not known is"
    yield "# an error. `stagedrollout check` tells every mistake with its line; after a change of this file or of a policy,"
    yield "# `kill -HUP` lets a running daemon take it."
    yield ""
    yield _lined("database: sqlite:///state/stagedrollout.db", "the journal; keep it on a local disk")
    yield _lined("poll: 15m", "time between two looks at an app")
    yield _lined("policies: [policies]", "your own policies; the shipped ones need no mention")
    yield ""
    yield "# No secret stands in this file, only where each one is: {file: ...}, {env: ...}, or {credential: ...} of systemd."


def _accesses(answers: Answers) -> Iterator[str]:
    if answers.package:
        yield "google_play:"
        yield _lined(f"  credentials: {answers.reference(PLAY_KEY)}", "the JSON key of a service account")
        yield ""
    if answers.app_store_id:
        yield "app_store:"
        yield _lined(
            f"  key: {answers.reference(APPLE_KEY)}", "an API key of App Store Connect, as downloaded"
        )
        yield f"  key_id: {_text(answers.key_id)}"
        if answers.issuer_id:
            yield _lined(f"  issuer_id: {_text(answers.issuer_id)}", "of the team whose key it is")
        else:
            yield "  # issuer_id:                              # left out: it is an individual key"
        yield ""
    yield "sentry:"
    yield _lined(f"  url: {_text(answers.sentry_url)}", "your region's address, or your own server's")
    yield f"  organization: {_text(answers.sentry_organization)}"
    yield _lined(f"  token: {answers.reference(SENTRY_TOKEN)}", "an internal integration's token")
    yield ""


def _slack(answers: Answers) -> Iterator[str]:
    if not answers.slack_channel:
        yield "# Without this section notices go to the log:"
        yield "# slack:"
        yield f"#   token: {answers.reference(SLACK_TOKEN)}"
        yield "#   channel: C0123ABCD                      # the channel's id, not its name"
        yield ""
        return
    yield "slack:"
    yield _lined(f"  token: {answers.reference(SLACK_TOKEN)}", "a bot's token, xoxb-...")
    yield _lined(f"  channel: {_text(answers.slack_channel)}", "the channel's id, not its name")
    yield "  # fallback_channel: C0456EFGH              # halts and alarms go there too while the channel does not take them"
    yield ""


def _people(answers: Answers) -> Iterator[str]:
    """Commented out: a list of one would forbid everybody else to raise anything, and that is the team's to decide."""
    user = answers.os_user if _is_user(answers.os_user) else "ana"
    yield "# Who may order what. Without this section whoever can write the database may order everything. With it, whoever is"
    yield "# not listed may read, halt and hold, and raise nothing: list yourself first."
    yield "# people:"
    yield _lined(f"#   - name: {_text(user)}", "as the journal and Slack tell it")
    yield _lined(
        f"#     os_user: {_text(user)}", "`id -un` on the daemon's machine; through sudo the caller's"
    )
    yield _lined("#     # slack: U0123ABCD", "their member id, where they press buttons")
    yield _lined("#     groups: [release]", "which a policy may ask for approvals")
    yield _lined("#     rights: [raise, approve]", "both is the default")
    yield ""


def _is_user(name: str) -> bool:
    """Whether that can be written as a person's name and as their account."""
    try:
        for kind in (OsUser, PersonName):
            kind.__metadata__[0].read(name)  # type: ignore[attr-defined]
    except ValueError:
        return False
    return True


def _apps(answers: Answers) -> Iterator[str]:
    yield "apps:"
    yield f"  - name: {_text(answers.app)}"
    yield _lined(f"    policy: {POLICY}", f"policies/{POLICY}.yaml")
    yield _lined(
        "    mode: observe", "decides and tells, changes nothing; `act` once you have seen it decide well"
    )
    yield _lined("    on_new_release: wait", "for `stagedrollout start`; or adopt, or ignore")
    if answers.package:
        yield "    google_play:"
        yield f"      package: {_text(answers.package)}"
        yield f"      track: {_text(answers.track)}"
        yield from _sentry(answers.sentry_android_project)
    if answers.app_store_id:
        yield "    app_store:"
        yield _lined(f'      app_id: "{answers.app_store_id}"', "the app's Apple ID, a number in quotes")
        yield f"      bundle_id: {_text(answers.bundle_id)}"
        yield from _sentry(answers.sentry_ios_project)


def _sentry(project: str) -> Iterator[str]:
    yield "      sentry:"
    yield f"        project: {_text(project)}"
    yield _lined("        environment: production", "as the app tells Sentry")
    yield _lined(
        '        release: "{package}@{version}+{build}"', "how it names its releases; the SDK's default"
    )


def _lined(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_AT}} # {comment}"


def _text(value: str) -> str:
    """The value as YAML: plain where YAML reads it as this very text, else in quotes."""
    document, problems = parse("", f"key: {value}")
    plain = document is not None and not problems and document.data == {"key": value}
    return value if plain else json.dumps(value, ensure_ascii=False)
