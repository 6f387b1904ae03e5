"""One file for each thing that must not have happened."""
