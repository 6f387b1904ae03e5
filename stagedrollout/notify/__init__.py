"""Where people are told: notices leave here, at least once and in order, and never hold up a halt."""
