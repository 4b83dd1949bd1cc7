"""Where an enterprise could use less: one rule per file, all of one form."""
