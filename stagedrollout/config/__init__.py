"""The user's files: settings, policies and references to secrets, read with every problem at its place.

load.load            settings and policies, or WrongConfiguration with all that is wrong
load.check           the same and whether every secret can be read, as a list
database.database_url the one key that `status` needs, without pydantic
"""
