"""Google Play: one track of one package as a store, through Google's own client.

    port.py     what is done, in which order: read, apply, halt      (StorePort)
    edits.py    the requests of one conversation with Play, by name
    writes.py   which track is sent for which wish                   (pure)
    tracks.py   what a track and its review say                      (pure)
    client.py   Google's client for what is done in the store
    reports.py  Google's clients for what Play reports of an app: vitals, files in a bucket
    api.py      one account at one of Google's APIs: its client, its tokens, one wire per request
    tokens.py   access tokens, shared by all threads
    errors.py   Play's complaints, classified                        (pure)
    turns.py    who may have an edit of a package open when
    wire.py     bytes to Google and back: bounded, sent once, never redirected

Facts: google-play.md; the numbers E1..E27 in this package are the rows of its section 6.
"""

from stagedrollout.stores.google_play.client import PlayClient
from stagedrollout.stores.google_play.port import GooglePlay

__all__ = ["GooglePlay", "PlayClient"]
