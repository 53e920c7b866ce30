"""The way in for PDF: registers scanned to a few pages, refused when they do anything but lie there.

Two views are taken, for a file can show each reader something else: the names written in the file, packed objects
unpacked, and what PDFium makes of it. PDFium is built without a script engine, so nothing here would run anyway.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pypdfium2
from pypdfium2 import raw

from app.adapters.images.encoding import Unusable, encoded, fitted
from app.ports.images import MAX_PDF_PAGES, MAX_PIXELS, ImageFault, PreparedImage

# A page is drawn no finer than a scanner would: a stamp-sized one is not blown up.
_FINEST_SCALE: Final = 300 / 72
_UNPACKED_LIMIT: Final = 64 * 1024 * 1024
_ACTIVE_ANNOTATIONS: Final = frozenset(
    {
        raw.FPDF_ANNOT_FILEATTACHMENT,
        raw.FPDF_ANNOT_SOUND,
        raw.FPDF_ANNOT_MOVIE,
        raw.FPDF_ANNOT_SCREEN,
        raw.FPDF_ANNOT_THREED,
        raw.FPDF_ANNOT_RICHMEDIA,
    }
)


def _name(word: str) -> bytes:
    # ISO 32000-1, 7.3.5: any character of a name may be written as # and its code.
    return b"/" + b"".join(b"(?:%c|#(?i:%02x))" % (code, code) for code in word.encode())


# ISO 32000-1, 12.6.4 (actions) and 7.11.4 (embedded files). An open action that is an array only says which page to
# show first, and many scanners write one.
_ACTIVE: Final = re.compile(
    b"|".join(
        _name(word)
        for word in (
            "JavaScript",
            "Launch",
            "EmbeddedFile",
            "GoToE",
            "SubmitForm",
            "ImportData",
            "Rendition",
            "RichMedia",
        )
    )
    + b"|"
    + _name("OpenAction")
    + rb"(?!\s*\[)"
)
_OBJECT_STREAM: Final = re.compile(_name("ObjStm"))
_ENCRYPT: Final = re.compile(_name("Encrypt"))
_FILTER: Final = re.compile(_name("Filter"))
_STREAM: Final = re.compile(rb"(?<!end)stream\r?\n")


def pages(content: bytes, *, longest_side: int) -> tuple[PreparedImage, ...]:
    """Draw every page of a harmless PDF.

    Raises:
        Unusable: it is not what we take.
    """
    with closing(_opened(content)) as document:
        _refuse_what_pdfium_sees(document)
        for text in (content, *_object_streams(content)):
            if _ACTIVE.search(text):
                raise Unusable(ImageFault.ACTIVE_CONTENT)
        return tuple(_drawn(document, number, longest_side) for number in range(len(document)))


def _opened(content: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        # The code may be that of a file before: PDFium does not set it for every failure.
        encrypted = error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY} and _ENCRYPT.search(content)
        raise Unusable(ImageFault.ENCRYPTED if encrypted else ImageFault.UNREADABLE) from error


def _refuse_what_pdfium_sees(document: Any) -> None:
    if raw.FPDF_GetSecurityHandlerRevision(document) != -1:
        raise Unusable(ImageFault.ENCRYPTED)
    if len(document) > MAX_PDF_PAGES:
        raise Unusable(ImageFault.TOO_MANY_PAGES)
    if len(document) == 0:
        raise Unusable(ImageFault.UNREADABLE)
    if (
        raw.FPDFDoc_GetJavaScriptActionCount(document) > 0
        or raw.FPDFDoc_GetAttachmentCount(document) > 0
        or raw.FPDF_GetFormType(document) in {raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND}
    ):
        raise Unusable(ImageFault.ACTIVE_CONTENT)


def _object_streams(content: bytes) -> Iterator[bytes]:
    """Unpack the streams that hold further objects; the others hold pictures and drawing orders."""
    left = _UNPACKED_LIMIT
    for stream in _STREAM.finditer(content):
        header = content[content.rfind(b"obj", 0, stream.start()) : stream.start()]
        if not _OBJECT_STREAM.search(header) or not _FILTER.search(header):
            continue
        try:
            unpacked = zlib.decompressobj().decompress(content[stream.end() :], left)
        except zlib.error as error:
            # Packed in a way that nobody uses for this: what it hides is not shown to be harmless.
            raise Unusable(ImageFault.ACTIVE_CONTENT) from error
        left -= len(unpacked)
        if left <= 0:
            raise Unusable(ImageFault.UNREADABLE)
        yield unpacked


def _drawn(document: Any, number: int, longest_side: int) -> PreparedImage:
    with closing(document[number]) as page:
        for index in range(raw.FPDFPage_GetAnnotCount(page)):
            _refuse_active(raw.FPDFPage_GetAnnot(page, index))
        for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]):
            width, height = image.get_px_size()
            if width * height > MAX_PIXELS:
                raise Unusable(ImageFault.TOO_MANY_PIXELS)
        scale = min(longest_side / max(page.get_size()), _FINEST_SCALE)
        with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
            picture = bitmap.to_pil().convert("RGB")
    # Rounding may have drawn a pixel more than is kept.
    return encoded(picture.resize(fitted(picture.size, longest_side)), None)


def _refuse_active(annotation: Any) -> None:
    try:
        if raw.FPDFAnnot_GetSubtype(annotation) in _ACTIVE_ANNOTATIONS:
            raise Unusable(ImageFault.ACTIVE_CONTENT)
    finally:
        raw.FPDFPage_CloseAnnot(annotation)
