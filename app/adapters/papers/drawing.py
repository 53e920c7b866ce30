"""Draws a paper with reportlab: A4, Chinese in the font that PDF readers bring along, a QR code of vectors."""

from io import BytesIO
from typing import Any, Final

import segno
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from app.adapters.papers.lettering import HAN, LATIN, lettered, plain
from app.ports.papers import Block, Facts, Mark, Paper, Section, Table, Words

pdfmetrics.registerFont(UnicodeCIDFont(HAN))

_MARGIN: Final = 18 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_QR_SIDE: Final = 30 * mm  # 33 modules and the quiet zone: 0.8 mm each, which every phone reads
_LINE: Final = colors.HexColor("#9aa4ad")
_SHADE: Final = colors.HexColor("#eef2f5")


def _style(size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("paper", fontName=LATIN, fontSize=size, leading=size * 1.5, wordWrap="CJK", **more)


_TITLE: Final = _style(18)
_SMALL: Final = _style(8.5, textColor=colors.HexColor("#4b5660"))
_SECTION: Final = _style(12.5, spaceBefore=5 * mm, spaceAfter=2 * mm)
_TEXT: Final = _style(9.5)
_WITH_TITLE: Final = 35 * mm  # a title is not left alone at a page's foot: heads and a row or two are below it
_HEAD: Final = _style(9)

_GRID: Final = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)
_HEADED: Final = TableStyle([("BACKGROUND", (0, 0), (-1, 0), _SHADE)], parent=_GRID)


def draw(paper: Paper) -> bytes:
    """Return a paper as a PDF file."""
    file = BytesIO()
    template = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=paper.title,
        invariant=1,  # no time and no random id of the library's own
    )
    template.build([*_head(paper), *_body(paper)], canvasmaker=_numbered(paper))
    return file.getvalue()


class _Code(Flowable):  # type: ignore[misc] # reportlab has no types
    """A QR code (ISO/IEC 18004) of rectangles."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._rows = [bytes(row) for row in segno.make_qr(address, error="m", boost_error=False).matrix]
        self.width = self.height = _QR_SIDE

    def draw(self) -> None:
        """Draw the dark modules, within a quiet zone of four (ISO/IEC 18004 §5.3.8)."""
        step = _QR_SIDE / (len(self._rows) + 8)
        for down, row in enumerate(self._rows):
            for across, is_dark in enumerate(row):
                if is_dark:
                    top = _QR_SIDE - (down + 5) * step
                    self.canv.rect((across + 4) * step, top, step, step, stroke=0, fill=1)


def _head(paper: Paper) -> list[Any]:
    title = _paragraph(paper.title, _TITLE)
    if paper.mark is None:
        return [title, Spacer(0, 3 * mm)]
    left = [title, Spacer(0, 2 * mm), *_told(paper.mark)]
    head = LongTable([[left, _Code(paper.mark.address)]], colWidths=[_WIDTH - _QR_SIDE - 2 * mm, _QR_SIDE + 2 * mm])
    head.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]),
    )
    return [head]


def _told(mark: Mark) -> list[Any]:
    return [_paragraph(mark.number, _TEXT), _paragraph(mark.words, _SMALL), _paragraph(mark.address, _SMALL)]


def _body(paper: Paper) -> list[Any]:
    return [part for section in paper.sections for part in _section(section)]


def _section(section: Section) -> list[Any]:
    title = [CondPageBreak(_WITH_TITLE), _paragraph(section.title, _SECTION)] if section.title else []
    return [*title, *(_block(block) for block in section.blocks)]


def _block(block: Block) -> Any:
    match block:
        case Words(text):
            return _paragraph(text, _TEXT)
        case Facts(pairs):
            rows = [[_paragraph(name, _SMALL), _paragraph(value, _TEXT)] for name, value in pairs]
            return LongTable(rows, colWidths=[_WIDTH * 0.32, _WIDTH * 0.68], style=_GRID) if rows else Spacer(0, 0)
        case Table(heads, rows):
            cells = [[_paragraph(cell, _TEXT) for cell in row] for row in rows]
            widths = [_WIDTH / len(heads)] * len(heads)
            named = [_paragraph(head, _HEAD) for head in heads]
            return LongTable([named, *cells], colWidths=widths, style=_HEADED, repeatRows=1)


def _paragraph(text: str, style: ParagraphStyle) -> Any:
    return Paragraph(lettered(text), style)


def _numbered(paper: Paper) -> type[Canvas]:
    """Return a canvas that writes at the foot of each page which it is of how many, once all are drawn."""
    mark = f"{plain(paper.mark.number)}   " if paper.mark else ""

    class Numbered(Canvas):  # type: ignore[misc] # reportlab has no types
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - the library's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                foot = _paragraph(paper.foot, _SMALL)
                foot.wrapOn(self, _WIDTH * 0.5, 20 * mm)
                foot.drawOn(self, _MARGIN, 8 * mm)
                self.setFont(LATIN, 8)
                self.drawRightString(A4[0] - _MARGIN, 9 * mm, f"{mark}{number} / {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered
