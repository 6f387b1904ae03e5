"""What we send and what the emulator answers, held against descriptions that this project did not write.

Google's discovery documents come with its client. The OpenAPI descriptions of App Store Connect and Sentry are
in a folder of their own, named by STAGEDROLLOUT_SPECS (see `specs.py`). Slack, Apple's public lookup and OAuth's
token endpoint have no description: nothing is said about them here.
"""
