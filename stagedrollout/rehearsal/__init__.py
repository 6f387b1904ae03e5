"""What policies and their statistics make of data, without a daemon, a store or a database.

`csv_ledger` reads an hourly ledger from a file and tells every line of it that is wrong; `evaluate` weighs such a
ledger and decides hour by hour.
"""
