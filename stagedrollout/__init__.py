"""stagedrollout: the daemon that runs a mobile team's staged releases, and stops them in time."""

__version__ = "0.1.0"
