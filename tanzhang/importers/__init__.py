"""Readers of files that utilities hand out: whole and exact, or refused with line and reason."""
