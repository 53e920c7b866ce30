"""What monitoring reads of a server process: requests by route, and what the process takes; nothing of anybody."""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Meter:
    """Counts the requests of this process. Labels come from a closed set: nobody fills our memory with new ones."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "escard_request_seconds",
            "Requests answered, by the template of their route, and how long they took.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is the template, None where there was none."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route or "none", status).observe(seconds)

    def text(self) -> bytes:
        """Return everything counted so far, in the text format of Prometheus."""
        return generate_latest(self._registry)
