"""The pure core: values in, values out. Standard library only; no IO, no clock, no randomness."""
