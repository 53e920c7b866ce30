"""Files through HTTP: what is taken, what is kept of it, and what is refused."""

import io
import zipfile

import pytest
from PIL import Image, ImageDraw, ImageFilter
from sqlalchemy import select

from app.models.documents import Document, DocumentState
from app.ports.register import TestPerson
from app.services import files
from tests.factories.adding import PORTRAIT, Kin, Owner, later, ok, refused, tag
from tests.factories.images import (
    CORNERS,
    PHONE_HEIC,
    document_photo,
    four_corners,
    pdf,
    png_claiming,
    portrait_photo,
    register_pdf,
    saved,
    telling_exif,
)

TEN_MEBIBYTES = 10 * 1024 * 1024
PAPER = document_photo(1, "WANG XIAOMING\n2017-03-04\nBIRTH CERTIFICATE")


@pytest.fixture
async def child(owner: Owner, kin: Kin) -> TestPerson:
    return await kin(age=9, parents=[owner.person.number])


@pytest.fixture
async def enrolment(owner: Owner, child: TestPerson) -> str:
    return await to_papers(owner, child)


async def to_papers(owner: Owner, child: TestPerson) -> str:
    """Add a child of nine until papers are waited for, all consents given."""
    address = await owner.to_documents(child, "20")
    for purpose in ("identity-document", "minor-data", "face-check"):
        await owner.consent(address, purpose)
    return address


async def kept(owner: Owner, state: DocumentState = DocumentState.STORED) -> list[tuple[str, int, bytes]]:
    """Return what is kept: kind, page, and the image opened."""
    db = owner.house.db
    rows = await db.run(
        lambda session: session.scalars(
            select(Document).where(Document.state == state).order_by(Document.kind, Document.page)
        )
    )
    store = owner.house.ports.store
    return [(row.kind.value, row.page, await files.read(db, store, row)) for row in rows]


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=["JPEG"])


def blurred(content: bytes, radius: float) -> bytes:
    return saved(picture(content).filter(ImageFilter.GaussianBlur(radius)), "JPEG")


def lit(content: bytes, radius: int) -> bytes:
    """Take a picture of a paper in a dim room with a lamp that shines in it."""
    dim = picture(content).point(lambda value: value * 0.6)
    ImageDraw.Draw(dim).ellipse((400 - radius, 300 - radius, 400 + radius, 300 + radius), fill="white")
    return saved(dim, "JPEG")


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            pytest.param("facial_photo", blurred(PORTRAIT, 1), id="a little blurred"),
            pytest.param("household_register", lit(PAPER, 60), id="a small light"),
            pytest.param("facial_photo", lit(PORTRAIT, 200), id="a bright face"),
            pytest.param("household_register", saved(picture(PAPER).point(lambda v: v * 0.3), "JPEG"), id="dark"),
        ],
    )
    async def test_pictures_that_can_be_read_though_not_perfect(
        self, owner: Owner, enrolment: str, kind: str, content: bytes
    ) -> None:
        await owner.put(enrolment, kind, content)

        assert len(await kept(owner)) == 1

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
    async def test_photos_of_every_kind_become_clean_jpegs(
        self, owner: Owner, enrolment: str, file_format: str
    ) -> None:
        content = saved(four_corners(), file_format, exif=telling_exif())

        await owner.put(enrolment, "household_register", content)
        ((_, _, image),) = await kept(owner)

        assert b"TellTalePhone" in content
        assert (picture(image).size, dict(picture(image).getexif())) == ((400, 300), {})
        assert b"TellTalePhone" not in image

    async def test_a_phones_heic_is_turned_upright(self, owner: Owner, enrolment: str) -> None:
        await owner.put(enrolment, "facial_photo", PHONE_HEIC)
        ((_, _, image),) = await kept(owner)

        assert picture(image).size == (600, 800)

    async def test_exif_says_which_way_up_and_then_goes(self, owner: Owner, enrolment: str) -> None:
        await owner.put(enrolment, "household_register", saved(four_corners(), "JPEG", exif=telling_exif(6)))
        ((_, _, image),) = await kept(owner)

        assert picture(image).size == (300, 400)
        red, green, *_ = picture(image).getpixel((280, 20))  # type: ignore[misc] # RGB gives a tuple
        assert CORNERS["top left"] == "red"
        assert red > 200 > green

    async def test_large_ones_become_small(self, owner: Owner, enrolment: str) -> None:
        large = saved(four_corners(4000, 3000), "JPEG")

        await owner.put(enrolment, "household_register", large)
        await owner.put(enrolment, "facial_photo", large)

        assert {kind: picture(image).size for kind, _, image in await kept(owner)} == {
            "household_register": (2400, 1800),
            "facial_photo": (1024, 768),
        }

    async def test_the_header_is_not_asked(self, owner: Owner, enrolment: str) -> None:
        answer = await owner.call(
            "PUT", f"{enrolment}/documents/household_register", PORTRAIT, Content_Type="text/html; charset=latin-1"
        )

        assert ok(answer)["version"]
        assert len(await kept(owner)) == 1

    async def test_just_as_large_as_allowed(self, owner: Owner, enrolment: str) -> None:
        largest = PORTRAIT + bytes(TEN_MEBIBYTES - len(PORTRAIT))

        await owner.put(enrolment, "household_register", largest)

        assert len((await kept(owner))[0][2]) < 200_000


class TestPages:
    async def test_a_register_as_pdf_takes_a_page_each(self, owner: Owner, enrolment: str) -> None:
        three = register_pdf(3)

        await owner.put(enrolment, "household_register", three)
        version = (await owner.read(enrolment))["version"]
        again = await owner.put(enrolment, "household_register", three)

        assert [(kind, page) for kind, page, _ in await kept(owner)] == [
            ("household_register", page) for page in (1, 2, 3)
        ]
        assert again["version"] == version

    async def test_photos_of_pages_come_in_any_order(self, owner: Owner, enrolment: str) -> None:
        first, second, better = (document_photo(seed, "page") for seed in (1, 2, 3))
        await owner.put(enrolment, "household_register/2", second)
        await owner.put(enrolment, "household_register", first)
        before = {page: image for _, page, image in await kept(owner)}

        await owner.put(enrolment, "household_register/1", better)
        after = {page: image for _, page, image in await kept(owner)}

        assert set(before) == set(after) == {1, 2}
        assert (after[2] == before[2], after[1] == before[1]) == (True, False)

    async def test_a_file_is_replaced_whole(self, owner: Owner, enrolment: str) -> None:
        await owner.put(enrolment, "household_register", register_pdf(3))

        await owner.put(enrolment, "household_register", document_photo(1, "page"))

        assert [page for _, page, _ in await kept(owner)] == [1]
        assert len(await kept(owner, DocumentState.DETACHED)) == 3

    @pytest.mark.parametrize(("page", "pages"), [(4, 2), (2, 4)])
    async def test_there_are_four_at_most(self, owner: Owner, enrolment: str, page: int, pages: int) -> None:
        answer = await owner.call("PUT", f"{enrolment}/documents/household_register/{page}", register_pdf(pages))

        problem = refused(answer, 422, "invalid-request")
        assert problem["errors"][0]["pointer"] == "path:page"
        assert await kept(owner) == await kept(owner, DocumentState.PENDING) == []

    @pytest.mark.parametrize(
        "path", ["household_register/0", "household_register/5", "facial_photo/2", "household_register/-1"]
    )
    async def test_what_is_no_page_is_not_there(self, owner: Owner, enrolment: str, path: str) -> None:
        refused(await owner.call("PUT", f"{enrolment}/documents/{path}", PORTRAIT), 404, "not-found")

    async def test_removing_takes_all_pages(self, owner: Owner, enrolment: str) -> None:
        await owner.put(enrolment, "household_register", register_pdf(2))

        removed = await owner.call("DELETE", f"{enrolment}/documents/household_register")

        assert removed.status_code == 204
        assert await kept(owner) == []

    async def test_what_is_no_kind_of_document_is_refused(self, owner: Owner, enrolment: str) -> None:
        refused(await owner.call("PUT", f"{enrolment}/documents/passport", PORTRAIT), 422, "invalid-request")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("kind", "content", "status", "code"),
        [
            pytest.param("household_register", b"", 415, "media-type-unsupported", id="nothing"),
            pytest.param(
                "household_register", b"<!DOCTYPE html><script>1</script>", 415, "media-type-unsupported", id="html"
            ),
            pytest.param("household_register", saved(four_corners(), "GIF"), 415, "media-type-unsupported", id="gif"),
            pytest.param("birth_certificate", register_pdf(1), 415, "media-type-unsupported", id="pdf certificate"),
            pytest.param("facial_photo", register_pdf(1), 415, "media-type-unsupported", id="pdf face"),
            pytest.param("household_register", PORTRAIT[:5000], 422, "image-unreadable", id="cut short"),
            pytest.param("household_register", b"\xff\xd8\xff\xe0" + bytes(90), 422, "image-unreadable", id="broken"),
            pytest.param(
                "household_register", png_claiming(10_000, 5_001), 422, "image-too-many-pixels", id="over 50 megapixels"
            ),
            pytest.param("facial_photo", saved(Image.new("RGB", (100, 100)), "PNG"), 422, "image-too-small", id="tiny"),
            pytest.param(
                "household_register",
                pdf(catalog=b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
                422,
                "pdf-active-content",
                id="pdf with a script",
            ),
            pytest.param("household_register", register_pdf(5), 422, "pdf-too-many-pages", id="five pages"),
            pytest.param("facial_photo", blurred(PORTRAIT, 5), 422, "image-blurred", id="blurred face"),
            pytest.param("household_register", blurred(PAPER, 6), 422, "image-blurred", id="blurred paper"),
            pytest.param(
                "household_register", saved(Image.new("RGB", (900, 600)), "PNG"), 422, "image-blurred", id="all black"
            ),
            pytest.param("household_register", lit(PAPER, 200), 422, "image-glare", id="a lamp in the paper"),
        ],
    )
    async def test_what_is_no_picture_of_that(
        self, owner: Owner, enrolment: str, kind: str, content: bytes, status: int, code: str
    ) -> None:
        answer = await owner.call("PUT", f"{enrolment}/documents/{kind}", content, Content_Type="image/jpeg")

        assert refused(answer, status, code)["next"]["text"]
        assert [await kept(owner, state) for state in DocumentState] == [[], [], []]

    async def test_more_than_ten_mebibytes(self, owner: Owner, enrolment: str) -> None:
        answer = await owner.call("PUT", f"{enrolment}/documents/household_register", PORTRAIT + bytes(TEN_MEBIBYTES))

        refused(answer, 413, "body-too-large")

    async def test_of_two_files_in_one_only_the_picture_stays(self, owner: Owner, enrolment: str) -> None:
        both = io.BytesIO(PORTRAIT)
        with zipfile.ZipFile(both, "a") as archive:
            archive.writestr("evil.js", "alert(1)")

        await owner.put(enrolment, "household_register", both.getvalue())
        ((_, _, image),) = await kept(owner)

        assert zipfile.is_zipfile(both)
        assert not zipfile.is_zipfile(io.BytesIO(image))


class TestTheSameAgain:
    async def test_a_late_retry_changes_nothing(self, owner: Owner, enrolment: str) -> None:
        content = document_photo(1, "register")
        await owner.put(enrolment, "household_register", content)
        before = await owner.put(enrolment, "facial_photo", PORTRAIT)

        late = await owner.put(enrolment, "household_register", content)

        assert late == before
        assert await kept(owner, DocumentState.DETACHED) == []

    @pytest.mark.parametrize("how", ["while it is attached", "after another", "in a new enrolment"])
    async def test_a_picture_that_has_failed_is_refused(
        self, owner: Owner, child: TestPerson, enrolment: str, how: str
    ) -> None:
        failing = portrait_photo(5, comment="sandbox:face_mismatch")
        await owner.put(enrolment, "household_register", document_photo(1, "register"))
        await owner.put(enrolment, "facial_photo", failing)
        await owner.face_check(enrolment)
        read = await owner.read(enrolment)
        if how == "after another":
            answer = await owner.call("PUT", f"{enrolment}/documents/facial_photo", PORTRAIT, If_Match=tag(read))
            read = ok(answer)
        elif how == "in a new enrolment":
            await owner.call("DELETE", enrolment)
            await later(owner.house, hours=25)
            enrolment = await to_papers(owner, child)
            read = await owner.read(enrolment)

        answer = await owner.call("PUT", f"{enrolment}/documents/facial_photo", failing, If_Match=tag(read))

        refused(answer, 422, "image-already-failed")

    async def test_one_that_was_only_blurred_may_come_again(self, owner: Owner, enrolment: str) -> None:
        blurred = portrait_photo(5, comment="sandbox:capture_quality")
        await owner.put(enrolment, "household_register", document_photo(1, "register"))
        await owner.put(enrolment, "facial_photo", blurred)
        await owner.face_check(enrolment)

        assert (await owner.put(enrolment, "facial_photo", blurred))["face"]["tries_left"] == 3
