"""Alembic's folder: `env.py` is its entry, `versions/` the steps. Shipped, since an installed daemon migrates."""
