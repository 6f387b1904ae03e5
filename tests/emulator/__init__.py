"""Tests of the emulated services: each behaviour is one the fact sheets name."""
