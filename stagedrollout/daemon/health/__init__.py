"""The daemon's own health: what it tells about itself, and how its state in the database is judged.

`report` is the narrow door the scheduler talks to; `rounds` knows whether every pass ends in time; `heartbeat`
and `errors` carry that to a file and to Sentry; `findings` judges the database for the command `health`.
"""
