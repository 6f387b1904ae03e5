"""The daemon as a real process on a real disk, killed, stopped and starved; judged from the store's own ledger."""
