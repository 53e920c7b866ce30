"""Relationships: GB/T 4761-2008 as data.

A code says what the member is to the owner: 51 is "the owner's father". Codes 01 and 02 (self, head of household) and
98 (unused) are no relationships between two people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.models.links import Place
from app.services.people.identifiers import Sex


class Tie(StrEnum):
    """What ties two people. `adoption` holds step relations and the "other" ones too, which may be anything."""

    SPOUSE = "spouse"
    BLOOD = "blood"
    ADOPTION = "adoption"
    MARRIAGE = "marriage"
    DISTANT = "distant"


class RelationshipFault(StrEnum):
    """Why a code is no relationship."""

    SELF = "self"
    UNKNOWN = "unknown"


class RelationshipNotValid(ValueError):
    """No relationship between two people."""

    def __init__(self, reason: RelationshipFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


_PLACES = {digit: Place.CHILD for digit in "234"} | {digit: Place.ELDER for digit in "56"} | {"1": Place.SPOUSE}


@dataclass(frozen=True, slots=True)
class Relationship:
    """What the member is to the owner.

    `generation` counts upwards from the owner (a parent is 1, a child -1); with `sex` and `owner_sex` it is None where
    the word does not say.
    """

    code: str
    zh: str
    en: str
    es: str
    tie: Tie
    generation: int | None
    sex: Sex | None = None
    owner_sex: Sex | None = None

    @property
    def place(self) -> Place:
        return _PLACES.get(self.code[0], Place.OTHER)


_word = Relationship  # short, so that each word of the standard is one line
_MAN, _WOMAN = Sex.MALE, Sex.FEMALE
_SPOUSE, _BLOOD, _ADOPTION, _MARRIAGE, _DISTANT = Tie

_TABLE = (
    _word("10", "配偶", "spouse", "cónyuge", _SPOUSE, 0),
    _word("11", "夫", "husband", "marido", _SPOUSE, 0, _MAN, _WOMAN),
    _word("12", "妻", "wife", "esposa", _SPOUSE, 0, _WOMAN, _MAN),
    _word("20", "子", "son", "hijo", _BLOOD, -1, _MAN),
    _word("21", "独生子", "only son", "hijo único", _BLOOD, -1, _MAN),
    _word("22", "长子", "first son", "primer hijo", _BLOOD, -1, _MAN),
    _word("23", "次子", "second son", "segundo hijo", _BLOOD, -1, _MAN),
    _word("24", "三子", "third son", "tercer hijo", _BLOOD, -1, _MAN),
    _word("25", "四子", "fourth son", "cuarto hijo", _BLOOD, -1, _MAN),
    _word("26", "五子", "fifth son", "quinto hijo", _BLOOD, -1, _MAN),
    _word("27", "养子或继子", "adopted son or stepson", "hijo adoptivo o hijastro", _ADOPTION, -1, _MAN),
    _word("28", "女婿", "son-in-law", "yerno", _MARRIAGE, -1, _MAN),
    _word("29", "其他儿子", "other son", "otro hijo", _ADOPTION, -1, _MAN),
    _word("30", "女", "daughter", "hija", _BLOOD, -1, _WOMAN),
    _word("31", "独生女", "only daughter", "hija única", _BLOOD, -1, _WOMAN),
    _word("32", "长女", "first daughter", "primera hija", _BLOOD, -1, _WOMAN),
    _word("33", "次女", "second daughter", "segunda hija", _BLOOD, -1, _WOMAN),
    _word("34", "三女", "third daughter", "tercera hija", _BLOOD, -1, _WOMAN),
    _word("35", "四女", "fourth daughter", "cuarta hija", _BLOOD, -1, _WOMAN),
    _word("36", "五女", "fifth daughter", "quinta hija", _BLOOD, -1, _WOMAN),
    _word("37", "养女或继女", "adopted daughter or stepdaughter", "hija adoptiva o hijastra", _ADOPTION, -1, _WOMAN),
    _word("38", "儿媳", "daughter-in-law", "nuera", _MARRIAGE, -1, _WOMAN),
    _word("39", "其他女儿", "other daughter", "otra hija", _ADOPTION, -1, _WOMAN),
    _word("40", "孙子、孙女或外孙子、外孙女", "grandchild", "nieto o nieta", _BLOOD, -2),
    _word("41", "孙子", "son's son", "nieto (hijo del hijo)", _BLOOD, -2, _MAN),
    _word("42", "孙女", "son's daughter", "nieta (hija del hijo)", _BLOOD, -2, _WOMAN),
    _word("43", "外孙子", "daughter's son", "nieto (hijo de la hija)", _BLOOD, -2, _MAN),
    _word("44", "外孙女", "daughter's daughter", "nieta (hija de la hija)", _BLOOD, -2, _WOMAN),
    _word("45", "孙媳妇或外孙媳妇", "grandson's wife", "esposa de un nieto", _MARRIAGE, -2, _WOMAN),
    _word("46", "孙女婿或外孙女婿", "granddaughter's husband", "marido de una nieta", _MARRIAGE, -2, _MAN),
    _word("47", "曾孙子或曾外孙子", "great-grandson", "bisnieto", _BLOOD, -3, _MAN),
    _word("48", "曾孙女或曾外孙女", "great-granddaughter", "bisnieta", _BLOOD, -3, _WOMAN),
    _word("49", "其他孙子、孙女或外孙子、外孙女", "other grandchild", "otro nieto o nieta", _ADOPTION, -2),
    _word("50", "父母", "parent", "padre o madre", _BLOOD, 1),
    _word("51", "父亲", "father", "padre", _BLOOD, 1, _MAN),
    _word("52", "母亲", "mother", "madre", _BLOOD, 1, _WOMAN),
    _word("53", "公公", "husband's father", "suegro (padre del marido)", _MARRIAGE, 1, _MAN, _WOMAN),
    _word("54", "婆婆", "husband's mother", "suegra (madre del marido)", _MARRIAGE, 1, _WOMAN, _WOMAN),
    _word("55", "岳父", "wife's father", "suegro (padre de la esposa)", _MARRIAGE, 1, _MAN, _MAN),
    _word("56", "岳母", "wife's mother", "suegra (madre de la esposa)", _MARRIAGE, 1, _WOMAN, _MAN),
    _word("57", "继父或养父", "stepfather or adoptive father", "padrastro o padre adoptivo", _ADOPTION, 1, _MAN),
    _word("58", "继母或养母", "stepmother or adoptive mother", "madrastra o madre adoptiva", _ADOPTION, 1, _WOMAN),
    _word("59", "其他父母关系", "other parent", "otro progenitor", _ADOPTION, 1),
    _word("60", "祖父母或外祖父母", "grandparent", "abuelo o abuela", _BLOOD, 2),
    _word("61", "祖父", "paternal grandfather", "abuelo paterno", _BLOOD, 2, _MAN),
    _word("62", "祖母", "paternal grandmother", "abuela paterna", _BLOOD, 2, _WOMAN),
    _word("63", "外祖父", "maternal grandfather", "abuelo materno", _BLOOD, 2, _MAN),
    _word("64", "外祖母", "maternal grandmother", "abuela materna", _BLOOD, 2, _WOMAN),
    _word("65", "配偶的祖父母或外祖父母", "spouse's grandparent", "abuelo o abuela del cónyuge", _MARRIAGE, 2),
    _word("66", "曾祖父", "great-grandfather", "bisabuelo", _BLOOD, 3, _MAN),
    _word("67", "曾祖母", "great-grandmother", "bisabuela", _BLOOD, 3, _WOMAN),
    _word("68", "配偶的曾祖父母或外曾祖父母", "spouse's great-grandparent", "bisabuelos del cónyuge", _MARRIAGE, 3),
    _word("69", "其他祖父母或外祖父母关系", "other grandparent", "otro abuelo o abuela", _ADOPTION, 2),
    _word("70", "兄弟姐妹", "sibling", "hermano o hermana", _BLOOD, 0),
    _word("71", "兄", "elder brother", "hermano mayor", _BLOOD, 0, _MAN),
    _word("72", "嫂", "elder brother's wife", "cuñada (esposa del hermano mayor)", _MARRIAGE, 0, _WOMAN),
    _word("73", "弟", "younger brother", "hermano menor", _BLOOD, 0, _MAN),
    _word("74", "弟媳", "younger brother's wife", "cuñada (esposa del hermano menor)", _MARRIAGE, 0, _WOMAN),
    _word("75", "姐姐", "elder sister", "hermana mayor", _BLOOD, 0, _WOMAN),
    _word("76", "姐夫", "elder sister's husband", "cuñado (marido de la hermana mayor)", _MARRIAGE, 0, _MAN),
    _word("77", "妹妹", "younger sister", "hermana menor", _BLOOD, 0, _WOMAN),
    _word("78", "妹夫", "younger sister's husband", "cuñado (marido de la hermana menor)", _MARRIAGE, 0, _MAN),
    _word("79", "其他兄弟姐妹", "other sibling", "otro hermano o hermana", _ADOPTION, 0),
    _word("80", "其他", "other", "otra relación", _DISTANT, None),
    _word("81", "伯父", "father's elder brother", "tío (hermano mayor del padre)", _DISTANT, 1, _MAN),
    _word("82", "伯母", "father's elder brother's wife", "esposa del hermano mayor del padre", _DISTANT, 1, _WOMAN),
    _word("83", "叔父", "father's younger brother", "tío (hermano menor del padre)", _DISTANT, 1, _MAN),
    _word("84", "婶母", "father's younger brother's wife", "esposa del hermano menor del padre", _DISTANT, 1, _WOMAN),
    _word("85", "舅父", "mother's brother", "tío (hermano de la madre)", _DISTANT, 1, _MAN),
    _word("86", "舅母", "mother's brother's wife", "tía (esposa del hermano de la madre)", _DISTANT, 1, _WOMAN),
    _word("87", "姨父", "mother's sister's husband", "tío (marido de la hermana de la madre)", _DISTANT, 1, _MAN),
    _word("88", "姨母", "mother's sister", "tía (hermana de la madre)", _DISTANT, 1, _WOMAN),
    _word("89", "姑父", "father's sister's husband", "tío (marido de la hermana del padre)", _DISTANT, 1, _MAN),
    _word("90", "姑母", "father's sister", "tía (hermana del padre)", _DISTANT, 1, _WOMAN),
    _word("91", "堂兄弟、堂姐妹", "cousin by father's brother", "primo o prima (por un tío paterno)", _DISTANT, 0),
    _word("92", "表兄弟、表姐妹", "other cousin", "otro primo o prima", _DISTANT, 0),
    _word("93", "侄子", "brother's son", "sobrino (hijo de un hermano)", _DISTANT, -1, _MAN),
    _word("94", "侄女", "brother's daughter", "sobrina (hija de un hermano)", _DISTANT, -1, _WOMAN),
    _word("95", "外甥", "sister's son", "sobrino (hijo de una hermana)", _DISTANT, -1, _MAN),
    _word("96", "外甥女", "sister's daughter", "sobrina (hija de una hermana)", _DISTANT, -1, _WOMAN),
    _word("97", "其他亲属", "other relative", "otro pariente", _DISTANT, None),
    _word("99", "非亲属", "not related", "sin parentesco", _DISTANT, None),
)

RELATIONSHIPS: Mapping[str, Relationship] = MappingProxyType({entry.code: entry for entry in _TABLE})

# Oneself and the head of one's household.
_SELF_CODES = frozenset({"01", "02"})


def find_relationship(code: str) -> Relationship:
    """Return the relationship with a two-digit code.

    Raises:
        RelationshipNotValid: it is oneself, or not in the table.
    """
    if code in RELATIONSHIPS:
        return RELATIONSHIPS[code]
    raise RelationshipNotValid(RelationshipFault.SELF if code in _SELF_CODES else RelationshipFault.UNKNOWN)


def is_near_relative(code: str) -> bool:
    """Say whether a relative is near: spouse, parents, children, siblings, grandparents, grandchildren.

    Civil Code art. 1045, with step and adoptive relations; in-laws are not near, and neither are great-grandparents.

    Raises:
        RelationshipNotValid: it is oneself, or not in the table.
    """
    relationship = find_relationship(code)
    is_of_the_line = relationship.tie in {Tie.SPOUSE, Tie.BLOOD, Tie.ADOPTION}
    return is_of_the_line and relationship.generation in range(-2, 3)
