"""What monitoring reads of a server process: requests by route, and what the process takes; nothing of anybody."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


_CIRCUIT_STATES: Final = ("closed", "half_open", "open")


class Circuits(Collector):
    """How the circuits of the national gateway stand when somebody asks: 1 for the state that each is in."""

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Return one family: calls that fail together, and the state."""
        family = GaugeMetricFamily(
            "escard_national_gateway_circuit",
            "Whether the national gateway is asked: closed is yes, open is no, half_open is once.",
            labels=("group", "state"),
        )
        for group, now in self._read().items():
            for state in _CIRCUIT_STATES:
                family.add_metric((group, state), float(state == now))
        yield family


class Meter:
    """Counts the requests of this process. Labels come from a closed set: nobody fills our memory with new ones."""

    def __init__(self, circuits: Callable[[], Mapping[str, str]] = dict) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(Circuits(circuits))
        self._requests = Histogram(
            "escard_request_seconds",
            "Requests answered, by the template of their route, and how long they took.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._rekeying = Gauge(
            "escard_rekeying_done_ratio",
            "How far re-keying is, by job and table (docs/keys.md).",
            ("job", "part"),
            registry=self._registry,
        )

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is the template, None where there was none."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route or "none", status).observe(seconds)

    def tell_rekeying(self, done: Mapping[tuple[str, str], float]) -> None:
        """Tell how far each part of each job of re-keying is, from 0 to 1."""
        self._rekeying.clear()
        for (job, part), share in done.items():
            self._rekeying.labels(job, part).set(share)

    def text(self) -> bytes:
        """Return everything counted so far, in the text format of Prometheus."""
        return generate_latest(self._registry)
