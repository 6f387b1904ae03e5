"""The App Store: the phased releases of one app, through App Store Connect.

    port.py          what is done, in which order: read, apply, halt (StorePort)
    reading.py       the versions, page by page, in few requests
    writes.py        which request is sent for which wish (pure)
    versions.py      what a version and its phased release mean (pure)
    documents.py     what an answer says, resource by resource (pure)
    availability.py  where the app is sold, and taken off sale by a person's order
    client.py        requests with a token, within Apple's limits
    tokens.py        tokens signed here, shared by all threads
    errors.py        Apple's complaints, classified (pure)

Facts: app-store-connect.md; "section" in this package means a section of that sheet.
"""

from stagedrollout.stores.app_store.client import AppStoreClient
from stagedrollout.stores.app_store.port import AppStore
from stagedrollout.stores.app_store.tokens import ApiKey

__all__ = ["ApiKey", "AppStore", "AppStoreClient"]
