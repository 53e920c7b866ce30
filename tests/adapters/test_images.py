"""What image work promises of every upload: clean, upright, small pages or a refusal, whatever comes in."""

import asyncio
import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.adapters.images.workers import WorkerImages
from app.core.errors import Invalid, UnsupportedMedia
from app.ports.images import (
    MAX_PIXELS,
    MIN_SIDE,
    FileEncrypted,
    ImageFault,
    ImageRefused,
    ImageTooManyPixels,
    ImageTooSmall,
    ImageTypeUnsupported,
    ImageUnreadable,
    ImageUse,
    PdfActiveContent,
    PdfTooManyPages,
    PreparedImage,
    refusal,
)
from tests.factories.images import (
    CORNERS,
    PHONE_HEIC,
    document_photo,
    four_corners,
    pdf,
    png_claiming,
    png_text,
    portrait_photo,
    register_pdf,
    saved,
    stream,
    swapped_profile,
    telling_exif,
)

# Start of image, JFIF, tables, frame, scan: what a JPEG cannot do without.
_BARE_SEGMENTS = {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
_COMMENT = 0xFE
_SANDBOX = re.compile("sandbox:[a-z_]+")


@pytest.fixture(scope="module")
def images() -> Iterator[WorkerImages]:
    images = WorkerImages(niceness=0, patience_seconds=120)
    yield images
    asyncio.run(images.close())


@pytest.fixture(scope="module")
def sandbox_images() -> Iterator[WorkerImages]:
    images = WorkerImages(niceness=0, patience_seconds=120, keep_comment=_SANDBOX)
    yield images
    asyncio.run(images.close())


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """The segments of a JPEG up to its picture data; nothing may follow its end."""
    assert jpeg.startswith(b"\xff\xd8")
    assert jpeg.endswith(b"\xff\xd9")
    assert jpeg.count(b"\xff\xd9") == 1
    found: list[tuple[int, bytes]] = []
    at = 2
    while not found or found[-1][0] != 0xDA:
        mark, marker, length = struct.unpack(">BBH", jpeg[at : at + 4])
        assert mark == 0xFF
        found.append((marker, jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def opened(page: PreparedImage) -> Image.Image:
    return Image.open(io.BytesIO(page.content))


def nearest_colours(page: PreparedImage) -> dict[str, str]:
    """What colour each quarter of a page has."""
    picture = opened(page)
    palette = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
    found = {}
    for index, corner in enumerate(CORNERS):
        at = ((1 + 2 * (index % 2)) * picture.width // 4, (1 + 2 * (index // 2)) * picture.height // 4)
        pixel = picture.getpixel(at)
        assert isinstance(pixel, tuple)
        found[corner] = min(
            palette, key=lambda name: sum(abs(a - b) for a, b in zip(palette[name], pixel, strict=True))
        )
    return found


async def one(images: WorkerImages, content: bytes, use: ImageUse = ImageUse.DOCUMENT) -> PreparedImage:
    (page,) = await images.prepare(content, use=use)
    return page


async def fault(images: WorkerImages, content: bytes, use: ImageUse = ImageUse.DOCUMENT) -> ImageFault:
    with pytest.raises(ImageRefused) as refused:
        await images.prepare(content, use=use)
    return refused.value.fault


class TestWhatComesOut:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(
                saved(four_corners(), "JPEG", exif=telling_exif(), comment=b"told", icc_profile=b"x" * 99), id="jpeg"
            ),
            pytest.param(
                saved(four_corners(), "PNG", exif=telling_exif(), pnginfo=png_text("Comment", "told")), id="png"
            ),
            pytest.param(saved(four_corners(), "WEBP", exif=telling_exif(comment="told"), xmp=b"<told/>"), id="webp"),
            pytest.param(PHONE_HEIC, id="heic"),
            pytest.param(saved(four_corners(), "JPEG", progressive=True), id="progressive jpeg"),
        ],
    )
    async def test_nothing_but_the_pixels_survives(self, images: WorkerImages, content: bytes) -> None:
        page = await one(images, content)

        assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS
        assert not opened(page).getexif()

    async def test_a_page_describes_itself_truly(self, images: WorkerImages) -> None:
        page = await one(images, portrait_photo(1), ImageUse.FACE)

        assert (page.media_type, page.width, page.height) == ("image/jpeg", 600, 800)
        assert opened(page).size == (600, 800)
        assert page.sha256 == hashlib.sha256(page.content).hexdigest()
        assert page == await one(images, portrait_photo(1), ImageUse.FACE)

    async def test_the_bytes_of_a_page_do_not_show_in_its_representation(self, images: WorkerImages) -> None:
        assert "JFIF" not in repr(await one(images, portrait_photo(1)))

    @pytest.mark.parametrize("orientation", range(1, 9))
    async def test_a_turned_photo_is_stored_upright(self, images: WorkerImages, orientation: int) -> None:
        back = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        stored = four_corners() if orientation == 1 else four_corners().transpose(back[orientation])

        page = await one(images, saved(stored, "JPEG", exif=telling_exif(orientation)))

        assert (page.width, page.height) == (400, 300)
        assert nearest_colours(page) == CORNERS

    async def test_a_heic_from_a_phone_is_turned_once(self, images: WorkerImages) -> None:
        page = await one(images, PHONE_HEIC, ImageUse.FACE)

        drawn = Image.open(io.BytesIO(portrait_photo(7))).resize((6, 8))
        stored = opened(page).resize((6, 8))
        assert (page.width, page.height) == (600, 800)
        assert all(abs(a - b) < 24 for a, b in zip(drawn.tobytes(), stored.tobytes(), strict=True))

    async def test_broken_exif_is_no_reason_to_refuse_a_photo(self, images: WorkerImages) -> None:
        page = await one(images, saved(four_corners(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff\xff\xff"))

        assert nearest_colours(page) == CORNERS

    @pytest.mark.parametrize(
        ("use", "longest"), [(ImageUse.DOCUMENT, 2400), (ImageUse.REGISTER, 2400), (ImageUse.FACE, 1024)]
    )
    async def test_a_large_photo_is_shrunk_in_proportion(
        self, images: WorkerImages, use: ImageUse, longest: int
    ) -> None:
        page = await one(images, saved(four_corners(4000, 3000), "JPEG"), use)

        assert (page.width, page.height) == (longest, longest * 3 // 4)
        assert nearest_colours(page) == CORNERS

    async def test_a_small_photo_is_not_blown_up(self, images: WorkerImages) -> None:
        page = await one(images, saved(four_corners(320, 240), "PNG"))

        assert (page.width, page.height) == (320, 240)

    @pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
    async def test_what_is_transparent_becomes_white_paper(self, images: WorkerImages, file_format: str) -> None:
        layer = four_corners().convert("RGBA")
        layer.paste((0, 0, 0, 0), (200, 150, 400, 300))

        assert nearest_colours(await one(images, saved(layer, file_format))) == CORNERS

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(saved(four_corners().convert("CMYK"), "JPEG"), id="cmyk"),
            pytest.param(saved(four_corners().quantize(8), "PNG"), id="palette"),
            pytest.param(
                saved(four_corners().quantize(8), "PNG", transparency=7), id="palette with a transparent entry"
            ),
            pytest.param(saved(four_corners(), "PNG", transparency=(255, 255, 255)), id="transparent colour"),
            pytest.param(saved(four_corners(), "JPEG", keep_rgb=True, subsampling=0), id="rgb in jpeg"),
        ],
    )
    async def test_every_way_to_write_colour_is_understood(self, images: WorkerImages, content: bytes) -> None:
        assert nearest_colours(await one(images, content)) == CORNERS

    @pytest.mark.parametrize(
        ("grey", "expected"),
        [
            (Image.new("L", (300, 300), 155), 155),
            (Image.new("I;16", (300, 300), 40_000), 155),
            (Image.new("LA", (300, 300), (155, 255)), 155),
            (Image.new("1", (300, 300), 1), 255),
        ],
        ids=["8 bits", "16 bits", "with alpha", "1 bit"],
    )
    async def test_grey_keeps_its_brightness(self, images: WorkerImages, grey: Image.Image, expected: int) -> None:
        pixel = opened(await one(images, saved(grey, "PNG"))).getpixel((150, 150))

        assert isinstance(pixel, tuple)
        assert all(abs(channel - expected) <= 1 for channel in pixel)

    async def test_colours_of_another_profile_are_converted(self, images: WorkerImages) -> None:
        page = await one(images, saved(four_corners(), "PNG", icc_profile=swapped_profile()))

        assert nearest_colours(page) == CORNERS | {"top left": "blue", "bottom left": "red"}

    @pytest.mark.parametrize("profile", [b"nonsense" * 40, swapped_profile()[:200]])
    async def test_a_useless_profile_is_ignored(self, images: WorkerImages, profile: bytes) -> None:
        page = await one(images, saved(four_corners(), "JPEG", icc_profile=profile))

        assert nearest_colours(page) == CORNERS

    async def test_a_profile_for_another_kind_of_picture_is_ignored(self, images: WorkerImages) -> None:
        page = await one(images, saved(four_corners().convert("CMYK"), "JPEG", icc_profile=swapped_profile()))

        assert nearest_colours(page) == CORNERS

    async def test_of_several_pictures_in_a_jpeg_the_main_one_is_taken(self, images: WorkerImages) -> None:
        content = saved(four_corners(), "MPO", save_all=True, append_images=[Image.new("RGB", (400, 300), "black")])

        assert nearest_colours(await one(images, content)) == CORNERS


class TestComments:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(portrait_photo(1, comment="sandbox:face_mismatch"), id="jpeg comment"),
            pytest.param(
                saved(four_corners(), "PNG", pnginfo=png_text("Comment", "sandbox:face_mismatch")), id="png text"
            ),
            pytest.param(
                saved(four_corners(), "WEBP", exif=telling_exif(comment="sandbox:face_mismatch")), id="webp exif"
            ),
            pytest.param(
                saved(four_corners(), "JPEG", exif=telling_exif(comment="sandbox:face_mismatch")), id="jpeg exif"
            ),
        ],
    )
    async def test_the_sandbox_reads_its_orders_in_the_stored_picture(
        self, sandbox_images: WorkerImages, content: bytes
    ) -> None:
        page = await one(sandbox_images, content, ImageUse.FACE)

        assert [data for marker, data in segments(page.content) if marker == _COMMENT] == [b"sandbox:face_mismatch"]
        assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS | {_COMMENT}

    @pytest.mark.parametrize("comment", ["sandbox:pass and a telephone number", "my sandbox:pass", "13800000000", ""])
    async def test_no_other_comment_is_kept(self, sandbox_images: WorkerImages, comment: str) -> None:
        page = await one(sandbox_images, portrait_photo(1, comment=comment), ImageUse.FACE)

        assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS

    async def test_without_a_sandbox_no_comment_is_kept(self, images: WorkerImages) -> None:
        page = await one(images, portrait_photo(1, comment="sandbox:face_mismatch"), ImageUse.FACE)

        assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"<!DOCTYPE html><script>alert(1)</script>", id="html named .jpg"),
            pytest.param(saved(four_corners(), "GIF"), id="gif"),
            pytest.param(saved(four_corners(), "TIFF"), id="tiff"),
            pytest.param(saved(four_corners(), "BMP"), id="bmp"),
            pytest.param(saved(four_corners(), "AVIF"), id="avif"),
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="svg"),
            pytest.param(b"PK\x03\x04" + bytes(100), id="zip"),
            pytest.param(b"\n" + portrait_photo(1), id="jpeg behind a newline"),
        ],
    )
    async def test_files_of_another_kind(self, images: WorkerImages, content: bytes) -> None:
        assert await fault(images, content, ImageUse.REGISTER) is ImageFault.WRONG_TYPE

    @pytest.mark.parametrize("use", [ImageUse.DOCUMENT, ImageUse.FACE])
    async def test_a_pdf_that_is_no_register(self, images: WorkerImages, use: ImageUse) -> None:
        assert await fault(images, pdf(), use) is ImageFault.WRONG_TYPE

    @pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
    async def test_films(self, images: WorkerImages, file_format: str) -> None:
        film = saved(four_corners(), file_format, save_all=True, append_images=[Image.new("RGB", (400, 300))])

        assert await fault(images, film) is ImageFault.ANIMATED

    @pytest.mark.parametrize(
        "whole",
        [
            pytest.param(portrait_photo(1), id="jpeg"),
            pytest.param(saved(four_corners(), "JPEG", progressive=True), id="progressive jpeg"),
            pytest.param(saved(Image.effect_noise((400, 300), 60), "PNG"), id="png"),
            pytest.param(saved(four_corners(), "WEBP"), id="webp"),
            pytest.param(PHONE_HEIC, id="heic"),
            pytest.param(register_pdf(1), id="pdf"),
        ],
    )
    @pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
    async def test_files_cut_short(self, images: WorkerImages, whole: bytes, part: float) -> None:
        assert await fault(images, whole[: int(len(whole) * part)], ImageUse.REGISTER) is ImageFault.UNREADABLE

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(png_claiming(65_000, 65_000), id="a bomb"),
            pytest.param(png_claiming(10_001, 9_000), id="a small bomb"),
            pytest.param(png_claiming(5_001, 10_000), id="a little over"),
            pytest.param(saved(Image.new("1", (5_001, 10_000)), "PNG"), id="a real one"),
        ],
    )
    async def test_too_many_pixels(self, images: WorkerImages, content: bytes) -> None:
        assert await fault(images, content) is ImageFault.TOO_MANY_PIXELS

    async def test_as_many_pixels_as_allowed_are_taken(self, images: WorkerImages) -> None:
        page = await one(images, saved(Image.new("1", (10_000, MAX_PIXELS // 10_000)), "PNG"))

        assert (page.width, page.height) == (2400, 1200)

    @pytest.mark.parametrize("size", [(MIN_SIDE - 1, 600), (1, 1), (10_000, 600)])
    async def test_too_small_before_or_after_shrinking(self, images: WorkerImages, size: tuple[int, int]) -> None:
        assert await fault(images, saved(Image.new("RGB", size), "PNG")) is ImageFault.TOO_SMALL

    async def test_a_file_that_is_two_kinds_at_once_loses_the_second(self, images: WorkerImages) -> None:
        archive = io.BytesIO(portrait_photo(1))
        with zipfile.ZipFile(archive, "a") as opened_archive:
            opened_archive.writestr("evil.js", "alert(1)")

        page = await one(images, archive.getvalue())

        assert zipfile.is_zipfile(archive)
        assert not zipfile.is_zipfile(io.BytesIO(page.content))
        assert b"evil" not in page.content


class TestPdf:
    async def test_each_page_of_a_register_becomes_a_picture(self, images: WorkerImages) -> None:
        pages = await images.prepare(register_pdf(4), use=ImageUse.REGISTER)

        assert len(pages) == 4
        assert len({page.sha256 for page in pages}) == 4
        for page in pages:
            assert page.height == 2400
            assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS

    async def test_a_page_is_drawn_no_finer_than_a_scanner_would(self, images: WorkerImages) -> None:
        page = await one(images, pdf(page=b"/CropBox [0 0 144 144]"), ImageUse.REGISTER)

        assert (page.width, page.height) == (600, 600)

    async def test_a_page_of_any_size_is_fitted(self, images: WorkerImages) -> None:
        page = await one(images, pdf().replace(b"0 0 595 842", b"0 0 14400 9600"), ImageUse.REGISTER)

        assert (page.width, page.height) == (2400, 1600)

    async def test_the_page_to_show_first_is_no_action(self, images: WorkerImages) -> None:
        await one(images, pdf(catalog=b"/OpenAction [3 0 R /Fit]"), ImageUse.REGISTER)

    async def test_links_do_no_harm(self, images: WorkerImages) -> None:
        link = b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://example.org) >> >>"

        await one(images, pdf(link, page=b"/Annots [5 0 R]"), ImageUse.REGISTER)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(
                pdf(
                    b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>",
                    catalog=b"/Names << /JavaScript << /Names [(a) 5 0 R] >> >>",
                ),
                id="script of the document",
            ),
            pytest.param(pdf(b"<< /S /JavaScript /JS (x) >>", page=b"/AA << /O 5 0 R >>"), id="script of a page"),
            pytest.param(
                pdf(b"<< /S /Java#53cript /JS (x) >>", page=b"/AA << /O 5 0 R >>"), id="script under an escaped name"
            ),
            pytest.param(
                pdf(stream(b"6 0 << /S /JavaScript /JS (x) >>", b"/Type /ObjStm /N 1 /First 4")),
                id="script in packed objects",
            ),
            pytest.param(
                pdf(b"<< /Type /ObjStm /N 1 /First 4 /Filter /LZWDecode /Length 3 >>\nstream\nabc\nendstream"),
                id="objects packed in an odd way",
            ),
            pytest.param(pdf(catalog=b"/OpenAction << /S /GoTo /D [3 0 R /Fit] >>"), id="action on opening"),
            pytest.param(
                pdf(b"<< /S /URI /URI (x) >>", catalog=b"/OpenAction 5 0 R"), id="action on opening, elsewhere"
            ),
            pytest.param(
                pdf(
                    b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /Launch /F (cmd.exe) >> >>",
                    page=b"/Annots [5 0 R]",
                ),
                id="program start",
            ),
            pytest.param(
                pdf(
                    b"<< /Type /Filespec /F (a.exe) /EF << /F 6 0 R >> >>",
                    stream(b"MZ"),
                    catalog=b"/Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>",
                ),
                id="file inside",
            ),
            pytest.param(
                pdf(
                    b"<< /Type /Annot /Subtype /FileAttachment /Rect [0 0 9 9] /FS << /EF << /F 6 0 R >> >> >>",
                    stream(b"MZ"),
                    page=b"/Annots [5 0 R]",
                ),
                id="file pinned to a page",
            ),
            pytest.param(
                pdf(b"<< /Fields [] /XFA (x) >>", catalog=b"/AcroForm 5 0 R"),
                id="form that changes itself",
            ),
        ],
    )
    async def test_a_pdf_that_does_things_is_refused(self, images: WorkerImages, content: bytes) -> None:
        assert await fault(images, content, ImageUse.REGISTER) is ImageFault.ACTIVE_CONTENT

    async def test_more_than_four_pages_are_refused(self, images: WorkerImages) -> None:
        assert await fault(images, register_pdf(5), ImageUse.REGISTER) is ImageFault.TOO_MANY_PAGES

    async def test_no_page_at_all_is_refused(self, images: WorkerImages) -> None:
        empty = pdf().replace(b"/Kids [3 0 R] /Count 1", b"/Kids []      /Count 0")

        assert await fault(images, empty, ImageUse.REGISTER) is ImageFault.UNREADABLE

    async def test_an_encrypted_pdf_is_refused(self, images: WorkerImages) -> None:
        lock = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>" % (b"00" * 32, b"11" * 32)

        content = pdf(lock, trailer=b"/Encrypt 5 0 R /ID [<00><00>]")

        assert await fault(images, content, ImageUse.REGISTER) is ImageFault.ENCRYPTED

    async def test_a_picture_of_too_many_pixels_inside_is_refused(self, images: WorkerImages) -> None:
        bomb = stream(
            bytes(10),
            b"/Type /XObject /Subtype /Image /Width 30000 /Height 30000 /BitsPerComponent 8 /ColorSpace /DeviceRGB",
        )

        content = pdf(bomb, page=b"/Resources << /XObject << /I 5 0 R >> >>", content=b"595 0 0 842 0 0 cm /I Do")

        assert await fault(images, content, ImageUse.REGISTER) is ImageFault.TOO_MANY_PIXELS

    async def test_packed_objects_without_end_are_refused(self, images: WorkerImages) -> None:
        bomb = stream(bytes(65 * 1024 * 1024), b"/Type /ObjStm /N 1 /First 4")

        assert await fault(images, pdf(bomb), ImageUse.REGISTER) is ImageFault.UNREADABLE


class TestRefusals:
    @pytest.mark.parametrize("reason", ImageFault)
    def test_every_fault_has_an_answer_for_the_person(self, reason: ImageFault) -> None:
        answers = {
            ImageFault.UNREADABLE: (ImageUnreadable, Invalid, "image-unreadable"),
            ImageFault.TIMED_OUT: (ImageUnreadable, Invalid, "image-unreadable"),
            ImageFault.WRONG_TYPE: (ImageTypeUnsupported, UnsupportedMedia, "media-type-unsupported"),
            ImageFault.ANIMATED: (ImageTypeUnsupported, UnsupportedMedia, "media-type-unsupported"),
            ImageFault.TOO_MANY_PIXELS: (ImageTooManyPixels, Invalid, "image-too-many-pixels"),
            ImageFault.TOO_SMALL: (ImageTooSmall, Invalid, "image-too-small"),
            ImageFault.ACTIVE_CONTENT: (PdfActiveContent, Invalid, "pdf-active-content"),
            ImageFault.TOO_MANY_PAGES: (PdfTooManyPages, Invalid, "pdf-too-many-pages"),
            ImageFault.ENCRYPTED: (FileEncrypted, Invalid, "file-encrypted"),
        }

        error = refusal(reason)

        kind, status, code = answers[reason]
        assert type(error) is kind
        assert isinstance(error, status)
        assert (error.code, error.fault) == (code, reason)


_REAL_FILES = st.sampled_from(
    [
        portrait_photo(1),
        document_photo(1, "Sample"),
        saved(four_corners(), "JPEG", progressive=True, exif=telling_exif(6), icc_profile=swapped_profile()),
        saved(four_corners(), "PNG", exif=telling_exif(6), icc_profile=swapped_profile()),
        saved(four_corners().convert("RGBA"), "WEBP", exif=telling_exif(6)),
        PHONE_HEIC,
        register_pdf(1),
        pdf(stream(b"6 0 << >>", b"/Type /ObjStm /N 1 /First 4"), content=b"0 0 9 9 re f"),
    ]
)
_FIRST_BYTES = st.sampled_from(
    [
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x01\x00\x00WEBP",
        b"\x00\x00\x00\x18ftypheic",
        b"%PDF-1.7\n",
        b"",
    ]
)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Real files with a few bytes changed behind the first ones, and perhaps a piece exchanged or the end missing."""
    content = bytearray(draw(_REAL_FILES))
    places = st.floats(0, 1, exclude_max=True).map(lambda part: 16 + int(part * (len(content) - 16)))
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[place] = value
    if draw(st.booleans()):
        place, piece = draw(st.tuples(places, st.binary(max_size=60)))
        content[place : place + draw(st.integers(0, 60))] = piece
    if draw(st.booleans()):
        del content[draw(places) :]
    return bytes(content)


class TestWhateverComesIn:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(content=damaged_files(), use=st.sampled_from(ImageUse))
    async def test_a_damaged_file_gives_pages_or_a_refusal(
        self, images: WorkerImages, content: bytes, use: ImageUse
    ) -> None:
        await self._is_answered(images, content, use)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(first=_FIRST_BYTES, rest=st.binary(max_size=400), use=st.sampled_from(ImageUse))
    async def test_random_bytes_give_pages_or_a_refusal(
        self, images: WorkerImages, first: bytes, rest: bytes, use: ImageUse
    ) -> None:
        await self._is_answered(images, first + rest, use)

    async def _is_answered(self, images: WorkerImages, content: bytes, use: ImageUse) -> None:
        try:
            pages = await images.prepare(content, use=use)
        except ImageRefused as refused:
            event(refused.fault)
            return
        event("taken")
        for page in pages:
            assert {marker for marker, _ in segments(page.content)} == _BARE_SEGMENTS
            assert max(opened(page).size) <= use.longest_side
