"""Whether the configured access works: asked with the real credentials, told in plain sentences, nothing changed.

    finding.py    one sentence about one thing, as a value
    opening.py    from the configuration to what is asked, through the daemon's own clients
    rounds.py     everything at once, each within its time
    quiet.py      whether the daemon is in the middle of something at a store app
    play.py       Google Play: package, track, review, rights, unsent changes
    probe.py      Google Play: what an edit tells that is written, validated and thrown away
    app_store.py  App Store Connect: app, versions, role, territories
    sentry.py     Sentry: region, scopes, project, environment, what it has sessions of
    templates.py  whether the releases of a store are called in Sentry as the configuration says
    slack.py      Slack: token, scopes, channels
    signals.py    every other source: one read
    sources.py    which those are, and how each is asked
    house.py      what the configuration itself gives to think about

There is no commit in this room, and no raise: a test and a contract of imports watch over that.
"""
