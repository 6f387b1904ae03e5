"""iCalendars that freeze: a file or an address, read every quarter of an hour, and what they said last in memory.

Nothing here decides. What cannot be read, or was read too long ago, comes out as a freeze (raises fail closed).
"""
