"""How fast, how soon, how much: the services as real processes on real servers."""


class BenchmarkError(RuntimeError):
    """The run gives no result: something was lost, or not done in time."""
