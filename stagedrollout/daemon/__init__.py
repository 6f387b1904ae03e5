"""The daemon: it looks, decides, records, acts, and tells. Only bootstrap.py wires real things together."""
