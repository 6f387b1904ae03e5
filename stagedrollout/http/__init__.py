"""Speaking with services that may be slow, broken or hostile: JSON over HTTP (httpx is imported here only), their addresses,
and the secrets that open them."""
