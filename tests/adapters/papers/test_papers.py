"""Papers are drawn whole: every name, over as many pages as it takes, with a code that leads to what they say."""

import asyncio
import time

import pytest

from app.adapters.images.workers import WorkerImages
from app.adapters.papers.workers import WorkerPapers
from app.ports.papers import Facts, Mark, Paper, PapersBusy, Section, Table, Words
from tests.factories.papers import pages_of, shows_code, text_of

NUMBER = "0123-4567-89AB-CDEF-0123-4567-89AB-CDEF"
ADDRESS = "https://card.example/v1/statements/0123456789abcdef0123456789abcdef"


@pytest.fixture
def papers(images: WorkerImages) -> WorkerPapers:
    return WorkerPapers(images.pool)


def facts(*pairs: tuple[str, str]) -> Paper:
    return Paper("记录单", (Section("本人", (Facts(pairs),)),), "foot of the page", Mark(NUMBER, ADDRESS, "请核对。"))


async def test_a_paper_says_what_it_was_given(papers: WorkerPapers) -> None:
    paper = Paper(
        "社会保险权益记录单",
        (
            Section("本人信息", (Facts((("姓名", "王小明"), ("Name", "Wang Xiaoming"))),)),
            Section("缴费明细", (Table(("月份", "金额"), (("2026-10", "960.00"),)), Words("以上金额为人民币。"))),
        ),
        "仅供查询",
        Mark(NUMBER, ADDRESS, "扫码核对。"),
    )

    drawn = await papers.draw(paper)

    text = text_of(drawn)
    for words in ("社会保险权益记录单", "王小明", "Wang Xiaoming", "2026-10", "960.00", "仅供查询", NUMBER, "1 / 1"):
        assert words in text, words
    assert drawn.startswith(b"%PDF")


async def test_its_qr_code_holds_the_address(papers: WorkerPapers) -> None:
    drawn = await papers.draw(facts(("a", "b")))

    assert shows_code(drawn, ADDRESS)
    assert not shows_code(drawn, ADDRESS.replace("0", "1", 1))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("阿卜杜热合曼江·艾合买提尼亚孜·吐尔逊娜依古丽", "阿卜杜热合曼江·艾合买提尼亚孜·吐尔逊娜依古丽"),
        ("龚䶮\U0002cc56", "龚䶮[U+2CC56]"),
        ("Ñandú O'Neill", "Ñandú O'Neill"),
        ("བསྟན", "[U+0F56]"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\ud800\x07\u202e", "[U+D800][U+0007][U+202E]"),
    ],
)
async def test_no_name_is_cut_or_refused(papers: WorkerPapers, name: str, read: str) -> None:
    drawn = await papers.draw(facts(("姓名", name)))

    assert read.replace(" ", "") in text_of(drawn).replace(" ", "")


async def test_a_long_table_goes_on_with_its_heads_and_pages_are_counted(papers: WorkerPapers) -> None:
    rows = tuple((f"{2000 + month // 12}-{month % 12 + 1:02}", f"{month}.00") for month in range(120))

    drawn = await papers.draw(Paper("t", (Section("", (Table(("月份", "金额"), rows),)),)))

    count, text = len(pages_of(drawn)), text_of(drawn)
    assert count > 1
    assert text.count("月份") == count
    assert f"{count} / {count}" in text
    assert "2009-12" in text


async def test_the_same_paper_gives_the_same_bytes(papers: WorkerPapers) -> None:
    assert await papers.draw(facts(("a", "b"))) == await papers.draw(facts(("a", "b")))


async def test_the_server_goes_on_while_a_long_paper_is_drawn(papers: WorkerPapers) -> None:
    rows = tuple((str(number), "12.00") for number in range(1500))
    drawing = asyncio.create_task(papers.draw(Paper("t", (Section("", (Table(("n", "m"), rows),)),))))
    longest = 0.0

    while not drawing.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - before)

    assert len(await drawing) > 10_000
    assert longest < 0.5


async def test_where_too_many_wait_it_says_when_to_come_again() -> None:
    none = WorkerImages(niceness=0, waiting=0)
    try:
        with pytest.raises(PapersBusy) as busy:
            await WorkerPapers(none.pool).draw(facts(("a", "b")))
    finally:
        await none.close()

    assert busy.value.retry_after_seconds == 10
