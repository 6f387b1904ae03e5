"""The rules of a decision, one file per concern; core/decision.py asks them in order of precedence."""
