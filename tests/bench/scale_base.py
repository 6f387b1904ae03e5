"""The database and the configuration of a team with many apps: what one daemon wrote of one app in three days, for all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stagedrollout.core.ledger import Revision
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import Engine, open_engine, open_readonly
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence

_APP = """\
- name: app-{number:04d}
  on_new_release: adopt
  policy: scale
  google_play:
    package: com.acme.app{number:04d}
    track: production
    sentry: {{project: team-{team:03d}, environment: production, release: "{{package}}@{{version}}+{{build}}"}}
  app_store:
    app_id: "644830{number:04d}"
    bundle_id: com.acme.app{number:04d}
    sentry: {{project: team-{team:03d}-ios, environment: production, release: "{{package}}@{{version}}+{{build}}"}}
"""


PER_PROJECT = 20
"""Apps that share a project in Sentry, on each store one."""


def configured(model: Path, folder: Path, *, url: str, apps: int, first: int, poll: str) -> Path:
    """A configuration for `apps` apps on both stores, numbered from `first` on; `model` is the one of the app that was lived
    through."""
    folder.mkdir(parents=True)
    for name in ("secrets", "policies"):
        shutil.copytree(model.parent / name, folder / name)
    key = folder / "secrets" / "play.json"
    key.write_text(_led_to(url, key.read_text()))
    (folder / "state").mkdir(mode=0o700)
    head = f"""\
database: sqlite:///state/stagedrollout.db
poll: {poll}
google_play:
  credentials: {{file: secrets/play.json}}
  endpoint: {url}
app_store:
  key: {{file: secrets/AuthKey.p8}}
{_lines(model, "key_id:", "issuer_id:")}
  endpoint: {url}
  lookup_endpoint: {url}
sentry:
  url: {url}
  organization: acme
  token: {{file: secrets/sentry-token}}
policies: [policies]
apps:
"""
    path = folder / "stagedrollout.yaml"
    path.write_text(head + "".join(_listed(range(first, first + apps))))
    return path


def _listed(numbers: range) -> Iterator[str]:
    return (_APP.format(number=number, team=number // PER_PROJECT) for number in numbers)


def _led_to(url: str, key: str) -> str:
    lines = [
        f'  "token_uri": "{url}/oauth2/token"' if '"token_uri"' in line else line for line in key.splitlines()
    ]
    return "\n".join(lines) + "\n"


def _lines(config: Path, *begun: str) -> str:
    lines = config.read_text().splitlines()
    return "\n".join(line for line in lines if line.strip().startswith(begun))


def filled(model: Path, url: str, apps: int, first: int) -> None:
    """Writes into the database at `url`, which must be empty."""
    source = open_readonly(f"sqlite:///{model.parent / 'state' / 'stagedrollout.db'}")
    target = open_engine(url)
    upgrade(target)
    _copied(source, target, range(first, first + apps))
    source.dispose()
    target.dispose()


def _copied(source: Engine, target: Engine, numbers: range) -> None:
    now, read, written = datetime.now(UTC), Journal(source), Journal(target)
    ledgers, presence = LedgerTable(source), Presence(target)
    kept = Presence(source)
    summaries = {row.rollout: row.summary for row in kept.statuses().rollouts}
    for key in read.rollout_keys():
        entries = tuple(recorded.entry for recorded in read.history(key))
        revisions = _newest(ledgers.revisions(key))
        past = kept.past(key.store_app)
        for number in numbers:
            app = StoreApp(f"app-{number:04d}", key.store)
            own = RolloutKey(app.app, app.store, key.release_id)
            batch = Batch(own, now, entries, expected_seq=0, summary=summaries[key], revisions=revisions)
            written.record(batch)
            if past is not None:
                presence.keep_past(app, past, now)


def _newest(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    """Of each bucket; a daemon that has watched for so long has read most of them several times."""
    newest = {(revision.measure, revision.place): revision for revision in revisions}
    return tuple(newest.values())


def dues(engine: Engine) -> dict[StoreApp, float]:
    """When each store app is due next, as the daemon has written it down; in seconds since 1970."""
    rows = Presence(engine).passes()
    return {row.store_app: row.next_due_at.timestamp() for row in rows if row.next_due_at}
