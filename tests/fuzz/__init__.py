"""Fuzz: whatever stands in a file or comes back from a service ends in a value or in one of our errors.

Answers are not random bytes: they are what the emulated services say, spoiled a little (spoiling.py), and they go
through the real clients (world.py). Each room has a file of targets. The tests draw the same few examples every time;
`./dev fuzz` draws others, for as long as it is let.
"""
