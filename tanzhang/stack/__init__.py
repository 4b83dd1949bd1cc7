"""The embedded stack: PostgreSQL and a broker from wheels, and the six services under one roof."""


class StackError(RuntimeError):
    """The stack cannot start or go on; the message says why and what to do."""
