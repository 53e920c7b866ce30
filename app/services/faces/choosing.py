"""Which provider a check goes to, and which it falls back to before the person has started."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.ports.face import FaceMode, FaceProvider
from app.services.rules.faces import FaceProviders, FaceRoute


@dataclass(frozen=True, slots=True)
class Fit:
    """What a provider is chosen by: the mode, the age in whole years of whose face it is, and the channel."""

    mode: FaceMode
    age: int
    channel: str


def order(rules: FaceProviders, providers: Mapping[str, FaceProvider], fit: Fit, check_id: UUID) -> list[str]:
    """Return the names of the providers that may make a check, the chosen one first; the same for the same check.

    The routes that fit share the checks by their percentages; what they leave goes to the first of them. Where none
    fits, the order of the setting holds.
    """
    routes = [route for route in rules.routes if route.provider in providers and _fits(route, fit)]
    names = _chosen_first(routes, check_id.int % 100) or list(providers)
    return [name for name in dict.fromkeys(names) if fit.mode in providers[name].modes]


def _chosen_first(routes: list[FaceRoute], draw: int) -> list[str]:
    taken = 0
    for route in routes:
        taken += route.percentage
        if draw < taken:
            return [route.provider, *(each.provider for each in routes)]
    return [each.provider for each in routes]


def _fits(route: FaceRoute, fit: Fit) -> bool:
    return (
        (not route.modes or fit.mode.value in route.modes)
        and (not route.channels or fit.channel in route.channels)
        and route.from_age <= fit.age
        and (route.below_age is None or fit.age < route.below_age)
    )
