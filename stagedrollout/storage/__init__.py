"""What must survive a crash: journal, intents, outbox, commands, and who is running.

The only room that knows SQLAlchemy. One file per idea: `engine` opens the database, `migrate` brings its
schema up to date, `journal` is the state of record; `outbox`, `commands`, `presence` are what daemon and
command line leave for each other; `lock` keeps a second daemon away. Nothing is imported here, so that
taking the lock or asking for a word costs no database library.
"""
