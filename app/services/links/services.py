"""What links let their owners do: what was granted, and what of it is in force on a day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Final, Self

from app.models.links import FamilyLink


class Service(StrEnum):
    """One thing that a link may let the owner do for the member."""

    VIEW = "view"
    SHOW_CODE = "show_code"
    CERTIFY = "certify"
    FILE = "file"
    PAY = "pay"


_NAMES: Final[Mapping[tuple[bool, ...], tuple[Service, ...]]] = {
    allowed: tuple(service for service, is_on in zip(Service, allowed, strict=True) if is_on)
    for allowed in product((False, True), repeat=len(Service))
}


@dataclass(frozen=True, slots=True)
class Services:
    """What a link lets the owner do for the member."""

    view: bool = True
    show_code: bool = True
    certify: bool = True
    file: bool = True
    pay: bool = False

    @property
    def names(self) -> tuple[Service, ...]:
        """What is allowed, in the order of `Service`."""
        return _NAMES[self.view, self.show_code, self.certify, self.file, self.pay]

    @classmethod
    def granted_by(cls, link: FamilyLink) -> Self:
        """Return what a link grants; what is in force of it depends on the day, see `on`."""
        return cls(link.may_view, link.may_show_code, link.may_certify, link.may_file, link.may_pay)

    @classmethod
    def on(cls, link: FamilyLink, day: date) -> Self:
        """Return what a link lets its owner do on a day of the calendar of China."""
        return cls.granted_by(link).in_force(link.reconfirm_from, link.view_only_from, day)

    def in_force(self, reconfirm_from: date | None, view_only_from: date | None, day: date) -> Self:
        """Return what is left on a day: at midnight of it, whether or not any worker has run.

        Without the member's own live face at 16, no codes and no filing; without their answer at 18, no more than view.
        """
        if view_only_from is not None and view_only_from <= day:
            return replace(self, show_code=False, certify=False, file=False, pay=False)
        if reconfirm_from is not None and reconfirm_from <= day:
            return replace(self, show_code=False, file=False)
        return self
