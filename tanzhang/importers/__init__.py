"""Readers of files that utilities, banks and farms hand out; every fault with line and reason."""
