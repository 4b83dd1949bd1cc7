"""Why an audit could not be made."""


class AuditError(RuntimeError):
    """The audit cannot say anything; a sentence for the person who asked."""
