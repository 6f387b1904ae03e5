"""Speaking JSON over HTTP with services that may be slow, broken or hostile. httpx is imported here only."""
