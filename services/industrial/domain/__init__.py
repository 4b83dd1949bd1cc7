"""Rules of the industrial accounts: no input or output."""
