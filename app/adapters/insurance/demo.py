"""The insurance records of the demo's people: plausible for their age, the same for the same number."""

import random
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from app.adapters.insurance.plans import Income, Plan, Spell
from app.ports.insurance import AUTHORITY_OF, INSURANCE_OF, Authority, BenefitKind, Month, Scheme
from app.ports.register import RegisteredPerson

_EMPLOYERS: Final = ("示例市第一机械厂", "示例市东风纺织有限公司", "示例软件技术有限公司", "示例市实验小学")
_WORK_AT: Final = 22
_RETIRES_AT: Final[Mapping[str, int]] = {"1": 60, "2": 55}  # as it was before 2025, which begins to rise by months
_EMPLOYEE: Final[Mapping[Scheme, tuple[int, int]]] = {  # thousandths: personal, employer
    Scheme.EMPLOYEE_PENSION: (80, 160),
    Scheme.UNEMPLOYMENT: (5, 5),
    Scheme.WORK_INJURY: (0, 4),
    Scheme.EMPLOYEE_MEDICAL: (20, 80),
    Scheme.CRITICAL_ILLNESS: (0, 5),
    Scheme.MATERNITY: (0, 8),
}
_RESIDENT_SINCE: Final = Month(2016, 1)  # when the medical insurance of residents became one (Guofa 2016 no. 3)
_OLDEST: Final = Month(1998, 1)  # nobody keeps months from before


def plans(people: Iterable[RegisteredPerson], today: date) -> dict[tuple[str, Authority], Plan]:
    """Return what each authority keeps of each person, by number."""
    found = {}
    for person in people:
        whole = _whole(person, today)
        for authority in Authority:
            found[person.number, authority] = Plan(
                tuple(each for each in whole.spells if _keeps(authority, each.scheme)),
                tuple(each for each in whole.incomes if _keeps(authority, each.scheme)),
                whole.ended,
            )
    return found


def _keeps(authority: Authority, scheme: Scheme) -> bool:
    return AUTHORITY_OF[INSURANCE_OF[scheme]] is authority


def _whole(person: RegisteredPerson, today: date) -> Plan:
    chance = random.Random(person.number)  # noqa: S311 - the same for the same number, and no secret
    works, retires = _months(person)
    if not person.is_alive:
        return _deceased(person, chance, today)
    if Month.of(today) < works:
        return _resident(person, None)
    if retires < Month(2003, 1) or (person.birth_date.year < 1976 and chance.random() < 0.25):
        return _farmer(person, today)
    if Month.of(today) < retires:
        return _employed(person, works, chance, today)
    return _retired(person, works, retires, chance, today)


def _months(person: RegisteredPerson) -> tuple[Month, Month]:
    born = Month.of(person.birth_date)
    return max(born.after(12 * _WORK_AT), _OLDEST), born.after(12 * _RETIRES_AT.get(person.sex, 60))


def _resident(person: RegisteredPerson, last: Month | None) -> Plan:
    """Somebody insured as a resident: once a year, for being ill alone."""
    first = max(Month.of(person.birth_date), _RESIDENT_SINCE)
    return Plan((_yearly(Scheme.RESIDENT_MEDICAL, first, last, person.region, 380),))


def _yearly(scheme: Scheme, first: Month, last: Month | None, region: str, yuan: int) -> Spell:
    return Spell(scheme, first, last, region, None, Decimal(f"{yuan}.00"), 1000, 0, rise=5, is_yearly=True)


def _farmer(person: RegisteredPerson, today: date) -> Plan:
    """Somebody insured as a resident in old age too, from sixty on with a small pension."""
    first = Month(2009, 9)  # when it began (Guofa 2009 no. 32); who was sixty then had nothing more to pay
    pays_until = max(Month.of(person.birth_date).after(12 * 60 - 1), first)
    pension = _yearly(Scheme.RESIDENT_PENSION, first, pays_until, person.region, 300)
    whole = _resident(person, None)
    if Month.of(today) <= pays_until:
        return Plan((*whole.spells, pension))
    income = Income(Scheme.RESIDENT_PENSION, BenefitKind.PENSION, _late(pays_until.after(1)), None, Decimal("163.00"))
    return Plan((*whole.spells, pension), (income,), frozenset({Scheme.RESIDENT_PENSION}))


def _employed(person: RegisteredPerson, works: Month, chance: random.Random, today: date) -> Plan:
    """Somebody at work: two employers, and a time without one between."""
    employers = chance.sample(_EMPLOYERS, 2)
    span = Month.of(today).since(works)
    leaves = works.after(span // 2)
    pause = 3 if span > 24 else 0
    spells = tuple(
        spell
        for scheme in _EMPLOYEE
        for spell in (
            _at_work(scheme, works, leaves, person.region, employers[0]),
            _at_work(scheme, leaves.after(pause + 1), None, person.region, employers[1]),
        )
        if spell.first <= Month.of(today)
    )
    return Plan(spells, tuple(_incomes_at_work(person, leaves, pause, chance, today)))


def _at_work(scheme: Scheme, first: Month, last: Month | None, region: str, employer: str) -> Spell:
    personal, by_employer = _EMPLOYEE[scheme]
    base = Decimal(max(2400, 2400 + 400 * (first.year - 1998)))
    return Spell(scheme, first, last, region, employer, base, personal, by_employer)


def _incomes_at_work(
    person: RegisteredPerson, leaves: Month, pause: int, chance: random.Random, today: date
) -> Iterable[Income]:
    if pause:
        yield Income(
            Scheme.UNEMPLOYMENT, BenefitKind.UNEMPLOYMENT, leaves.after(1), leaves.after(pause), Decimal("1890.00")
        )
        injured = leaves.after(-6)
        yield Income(Scheme.WORK_INJURY, BenefitKind.INJURY, injured, injured, Decimal("2600.00"))
        if person.sex == "2":
            gives_birth = leaves.after(-12)
            yield Income(Scheme.MATERNITY, BenefitKind.MATERNITY, gives_birth, gives_birth, Decimal("18400.00"))
    yield from _illnesses(Scheme.EMPLOYEE_MEDICAL, chance, today)


def _illnesses(scheme: Scheme, chance: random.Random, today: date) -> Iterable[Income]:
    for ago in sorted({chance.randrange(2, 40) for _ in range(3)}):
        month = Month.of(today).after(-ago)
        amount = Decimal(chance.randrange(8000, 320000)) / 100
        yield Income(scheme, BenefitKind.MEDICAL_REIMBURSEMENT, month, month, amount)


def _retired(person: RegisteredPerson, works: Month, retires: Month, chance: random.Random, today: date) -> Plan:
    """Somebody with a pension, who paid until then and has paid nothing since."""
    works = min(works, retires.after(-12))
    employer = chance.choice(_EMPLOYERS)
    last = retires.after(-1)
    spells = tuple(_at_work(scheme, works, last, person.region, employer) for scheme in _EMPLOYEE)
    amount = Decimal(chance.randrange(260000, 520000)) / 100
    pension = Income(Scheme.EMPLOYEE_PENSION, BenefitKind.PENSION, _late(retires), None, amount)
    return Plan(spells, (pension, *_illnesses(Scheme.EMPLOYEE_MEDICAL, chance, today)), frozenset(_EMPLOYEE))


def _late(first: Month) -> Month:
    """Return the month from which payments are kept."""
    return max(first, Month(2016, 1))


def _deceased(person: RegisteredPerson, chance: random.Random, today: date) -> Plan:
    """Somebody who had a pension until they died two years ago; the funeral was paid for."""
    works, retires = _months(person)
    whole = _retired(person, works, retires, chance, today)
    died = Month.of(today).after(-24)
    pension = Income(Scheme.EMPLOYEE_PENSION, BenefitKind.PENSION, _late(retires), died, Decimal("3100.00"))
    funeral = Income(Scheme.EMPLOYEE_PENSION, BenefitKind.FUNERAL, died.after(1), died.after(1), Decimal("8200.00"))
    return Plan(whole.spells, (pension, funeral), whole.ended)
