"""PromQL that the parts of the pipeline board have in common."""

OF = 'service=~"$service"'
WINDOW = "[$__rate_interval]"
# 0 where anything is measured at all: with nothing to look at, nothing is well.
NONE_OF_ALL = '0 * count(up{job="tanzhang"})'
LAG = f"sum by (service) (max by (service, topic, partition) (tanzhang_lag_records{{{OF}}}))"


def rate(metric: str, by: str, narrowed: str = OF) -> str:
    return f"sum by ({by}) (rate({metric}{{{narrowed}}}{WINDOW}))"


def quantile(share: float, metric: str, by: str = "le", narrowed: str = OF) -> str:
    """0 where nothing was observed: nothing took any time."""
    buckets = f"sum by ({by}) (rate({metric}_bucket{{{narrowed}}}{WINDOW}))"
    found = f"histogram_quantile({share}, {buckets})"
    rest = by.replace(", le", "")
    none = "vector(0)" if by == "le" else f"0 * sum by ({rest}) ({metric}_count{{{narrowed}}})"
    return f"({found} >= 0) or {none}"
