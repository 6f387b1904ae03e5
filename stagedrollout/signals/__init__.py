"""Where readings come from: one file (or one family of files) per source."""
