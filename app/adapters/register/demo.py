"""The people of the demo: nobody, so that everything can be tried on them.

Labels stay for ever. A number follows from the label and the day: people whose label tells their age are given a new
one once it has passed, the others keep theirs until the decade ends. Numbers are of province 10, which is not assigned,
and phones 100 0000 xxxx; only permits of Hong Kong, Macao and Taiwan have no unassigned shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from itertools import cycle
from typing import Final

from app.adapters.demo_pictures import portrait_photo
from app.adapters.register.embedded import Entry
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson

_REGION: Final = "100101"
_MAN: Final = "1"
_WOMAN: Final = "2"

Born = Callable[[date], date]


def _aged(years: int, month: int, day: int) -> Born:
    """Born on this day of the year, and `years` old today."""
    return lambda today: date(today.year - years - (today < date(today.year, month, day)), month, day)


def _before(decade: int, month: int, day: int) -> Born:
    """Born so many years before the present decade began, so that the number stands for ten years."""
    return lambda today: date(today.year - today.year % 10 - decade, month, day)


def _sixteen_tomorrow(today: date) -> date:
    tomorrow = today + timedelta(days=1)
    return tomorrow.replace(year=tomorrow.year - 16)


def _last_month(today: date) -> date:
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def _citizen(birth: date, sequence: int, *, head: str = _REGION) -> str:
    first17 = f"{head}{birth:%Y%m%d}{sequence:03}"
    product = 0
    for digit in first17:  # ISO 7064 MOD 11-2, as GB 11643 takes it
        product = (product + int(digit)) * 2 % 11
    return first17 + "0123456789X"[(1 - product) % 11]


def _foreigner_2017(birth: date, sequence: int) -> str:
    first14 = f"GBR1001{birth:%y%m%d}{sequence % 10}"
    check = sum(weight * int(sign, 36) for weight, sign in zip(cycle((7, 3, 1)), first14, strict=False))
    return f"{first14}{check % 10}"  # ICAO Doc 9303-3 §4.9


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a person is made; card, phone, computer number, sequence and face follow from `serial`, never used twice."""

    serial: int
    label: str
    name: str
    sex: str
    born: Born
    note: str
    parents: tuple[str, ...] = ()
    guardians: tuple[str, ...] = ()
    card: PhysicalCardStatus | None = PhysicalCardStatus.NORMAL
    has_phone: bool = True
    phone_of: str | None = None
    is_alive: bool = True
    has_portrait: bool = True
    number: Callable[[date, int], str] = _citizen


_BOTH = ("owner", "spouse")

_PLANS: Final = (
    _Plan(1, "owner", "王志远", _MAN, _before(33, 3, 14), "Adds relatives; father of most children here",
          parents=("parent-68", "parent-mother")),
    _Plan(2, "spouse", "林若溪", _WOMAN, _before(32, 9, 5), "The owner's wife", parents=("mother-in-law",)),
    _Plan(3, "child-9", "王子墨", _MAN, _aged(9, 5, 20), "The owner's son; by photo", parents=_BOTH,
          phone_of="spouse"),
    _Plan(4, "child-turning-16", "王雨桐", _WOMAN, _sixteen_tomorrow, "The owner's daughter; turns 16 tomorrow",
          parents=_BOTH),
    _Plan(5, "newborn", "王安然", _WOMAN, _last_month, "The owner's daughter; no portrait, no card yet",
          parents=_BOTH, card=None, has_phone=False, has_portrait=False),
    _Plan(6, "child-2", "王一诺", _MAN, _aged(2, 11, 8), "The owner's son", parents=_BOTH, phone_of="spouse"),
    _Plan(7, "child-6", "王思齐", _WOMAN, _aged(6, 2, 11), "The owner's daughter; no portrait", parents=_BOTH,
          has_phone=False, has_portrait=False),
    _Plan(8, "child-13", "周景行", _MAN, _aged(13, 7, 2), "Not the owner's child by the register: a cousin's son",
          parents=("second-owner",), phone_of="second-owner"),
    _Plan(9, "child-15", "王嘉树", _MAN, _aged(15, 8, 23), "The owner's adopted son", parents=_BOTH),
    _Plan(10, "teen-17", "王沐晴", _WOMAN, _aged(17, 4, 17), "The owner's daughter; by live face", parents=_BOTH),
    _Plan(11, "parent-68", "王建国", _MAN, _aged(68, 10, 12), "The owner's father", parents=("grandparent",)),
    _Plan(12, "parent-mother", "陈淑芬", _WOMAN, _before(62, 1, 27), "The owner's mother"),
    _Plan(13, "grandparent", "王守田", _MAN, _before(86, 6, 6), "The owner's father's father; no phone",
          has_phone=False),
    _Plan(14, "sibling", "王静姝", _WOMAN, _before(30, 12, 3), "The owner's younger sister",
          parents=("parent-68", "parent-mother")),
    _Plan(15, "mother-in-law", "郑美兰", _WOMAN, _before(60, 5, 9), "The owner's wife's mother"),
    _Plan(16, "second-owner", "刘雅文", _WOMAN, _before(36, 4, 2), "The owner's cousin; has added member-at-cap",
          parents=("member-at-cap",)),
    _Plan(17, "third-owner", "刘思远", _MAN, _before(31, 8, 15), "The owner's cousin; has added member-at-cap too",
          parents=("member-at-cap",)),
    _Plan(18, "member-at-cap", "陈淑华", _WOMAN, _before(64, 2, 18), "The owner's mother's sister; has two owners",
          phone_of="third-owner"),
    _Plan(19, "ward-11", "何嘉言", _MAN, _aged(11, 9, 30), "An orphan; the owner is guardian by the register",
          guardians=("owner",), has_phone=False),
    _Plan(20, "deceased", "赵德海", _MAN, _before(72, 3, 3), "Dead", is_alive=False),
    _Plan(21, "card-lost", "孙晓梅", _WOMAN, _before(40, 6, 21), "Physical card reported lost",
          card=PhysicalCardStatus.LOST),
    _Plan(22, "card-lost-temporarily", "李国强", _MAN, _before(44, 10, 30), "Physical card reported lost by phone",
          card=PhysicalCardStatus.LOST_TEMPORARILY),
    _Plan(23, "card-locked", "吴秀英", _WOMAN, _before(51, 7, 7), "Physical card locked",
          card=PhysicalCardStatus.APPLICATION_LOCKED),
    _Plan(24, "card-not-activated", "黄文博", _MAN, _before(25, 1, 19), "Physical card not activated",
          card=PhysicalCardStatus.NOT_ACTIVATED),
    _Plan(25, "card-cancelled", "徐丽娜", _WOMAN, _before(38, 11, 11), "Physical card cancelled",
          card=PhysicalCardStatus.CANCELLED),
    _Plan(26, "no-card", "马晓东", _MAN, _before(29, 5, 25), "Has never had a physical card", card=None),
    _Plan(27, "foreign-resident", "EMILY ROSE CARTER", _WOMAN, _before(35, 8, 4),
          "Permanent resident, permit of 2023; no portrait, so a counter", has_portrait=False,
          number=partial(_citizen, head="910840")),
    _Plan(28, "foreign-resident-2017", "OLIVER JAMES O'NEILL", _MAN, _before(41, 12, 24),
          "Permanent resident, permit of 2017: 15 characters", number=_foreigner_2017),
    _Plan(29, "hongkong-permit", "陈家俊", _MAN, _before(28, 4, 9), "Hong Kong resident",
          number=partial(_citizen, head="810000")),
    _Plan(30, "macao-permit", "何美琪", _WOMAN, _before(34, 9, 17), "Macao resident",
          number=partial(_citizen, head="820000")),
    _Plan(31, "taiwan-permit", "张志豪", _MAN, _before(47, 2, 26), "Taiwan resident",
          number=partial(_citizen, head="830000")),
    _Plan(32, "middle-dot", "阿依古丽·买买提", _WOMAN, _before(37, 3, 21), "A name with a middle dot"),
    _Plan(33, "rare-character", "龚䶮\U0002cc56", _MAN, _before(26, 7, 29), "A name with rare characters"),
    _Plan(34, "long-name", "阿卜杜热合曼江·艾合买提尼亚孜·吐尔逊娜依古丽", _WOMAN, _before(33, 6, 1), "A long name"),
    _Plan(35, "owner-at-quota", "唐振华", _MAN, _before(58, 5, 16), "Has added ten relatives: no place is left",
          parents=("quota-relative-2", "quota-relative-3")),
    _Plan(36, "quota-relative-1", "沈月琴", _WOMAN, _before(56, 10, 8), "Wife of owner-at-quota",
          parents=("quota-relative-4", "quota-relative-5")),
    _Plan(37, "quota-relative-2", "唐福生", _MAN, _before(84, 2, 4), "Father of owner-at-quota"),
    _Plan(38, "quota-relative-3", "蒋玉珍", _WOMAN, _before(82, 8, 26), "Mother of owner-at-quota"),
    _Plan(39, "quota-relative-4", "沈长林", _MAN, _before(83, 12, 13), "Father-in-law of owner-at-quota"),
    _Plan(40, "quota-relative-5", "顾兰英", _WOMAN, _before(81, 4, 30), "Mother-in-law of owner-at-quota"),
    _Plan(41, "quota-relative-6", "唐明轩", _MAN, _before(35, 1, 5), "First son of owner-at-quota",
          parents=("owner-at-quota", "quota-relative-1")),
    _Plan(42, "quota-relative-7", "唐明月", _WOMAN, _before(32, 7, 18), "Daughter of owner-at-quota",
          parents=("owner-at-quota", "quota-relative-1")),
    _Plan(43, "quota-relative-8", "唐明哲", _MAN, _before(29, 9, 22), "Second son of owner-at-quota",
          parents=("owner-at-quota", "quota-relative-1")),
    _Plan(44, "quota-relative-9", "唐振国", _MAN, _before(54, 3, 28), "Younger brother of owner-at-quota",
          parents=("quota-relative-2", "quota-relative-3")),
    _Plan(45, "quota-relative-10", "蒋文涛", _MAN, _before(55, 11, 20), "Cousin of owner-at-quota"),
    _Plan(46, "demo-reviewer", "韩立新", _MAN, _before(43, 4, 22), "A reviewer of the demo, nobody's relative",
          has_phone=False),
    _Plan(47, "demo-reviewer-2", "曹玉洁", _WOMAN, _before(39, 10, 14), "The other reviewer, nobody's relative",
          has_phone=False),
    _Plan(48, "demo-clerk", "彭晓华", _WOMAN, _before(34, 6, 18), "A clerk at the demo's window, nobody's relative",
          has_phone=False),
    _Plan(49, "demo-clerk-2", "邓志强", _MAN, _before(41, 2, 9), "Another clerk, nobody's relative", has_phone=False),
    _Plan(50, "demo-nurse", "冯丽萍", _WOMAN, _before(37, 8, 27), "A clerk at the demo's hospital, nobody's relative",
          has_phone=False),
)  # fmt: skip

DEMO_LINKS: Final[tuple[tuple[str, str, str], ...]] = (
    ("owner-at-quota", "quota-relative-1", "12"),
    ("owner-at-quota", "quota-relative-2", "51"),
    ("owner-at-quota", "quota-relative-3", "52"),
    ("owner-at-quota", "quota-relative-4", "55"),
    ("owner-at-quota", "quota-relative-5", "56"),
    ("owner-at-quota", "quota-relative-6", "22"),
    ("owner-at-quota", "quota-relative-7", "32"),
    ("owner-at-quota", "quota-relative-8", "23"),
    ("owner-at-quota", "quota-relative-9", "73"),
    ("owner-at-quota", "quota-relative-10", "92"),
    ("second-owner", "member-at-cap", "52"),
    ("third-owner", "member-at-cap", "52"),
)
"""The family links of the demo: label of the owner, label of the member, and what the member is to the owner."""


def people(today: date) -> tuple[Entry, ...]:
    """Return the people of the demo as they are on a day in China."""
    numbers = {plan.label: plan.number(plan.born(today), _sequence(plan)) for plan in _PLANS}
    serials = {plan.label: plan.serial for plan in _PLANS}
    return tuple(_entry(plan, plan.born(today), numbers, serials) for plan in _PLANS)


def _sequence(plan: _Plan) -> int:
    return 2 * plan.serial + (plan.sex == _MAN)  # odd for men, even for women (GB 11643)


def _entry(plan: _Plan, birth: date, numbers: Mapping[str, str], serials: Mapping[str, int]) -> Entry:
    return Entry(
        RegisteredPerson(
            number=numbers[plan.label],
            name=plan.name,
            sex=plan.sex,
            birth_date=birth,
            region=_REGION,
            is_alive=plan.is_alive,
            phone=f"1000000{serials[plan.phone_of or plan.label]:04}" if plan.has_phone else None,
            card=None if plan.card is None else PhysicalCard(f"D{plan.serial:08}", plan.card),
            parents=frozenset(numbers[label] for label in plan.parents),
            guardians=frozenset(numbers[label] for label in plan.guardians),
            computer_number=f"{600_000_000 + plan.serial}",
        ),
        portrait=_face(plan.serial) if plan.has_portrait else None,
        label=plan.label,
        note=plan.note,
    )


@cache
def _face(seed: int) -> bytes:
    return portrait_photo(seed)
