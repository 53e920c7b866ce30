"""Makes the files people upload, and those they should not."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

from app.adapters.demo_pictures import document_photo as document_photo
from app.adapters.demo_pictures import portrait_photo as portrait_photo
from app.adapters.demo_pictures import register_pdf as register_pdf
from app.adapters.images.workers import WorkerImages
from app.ports.images import ImageUse, PreparedImage

# Lies on its side, as phones store it, with the turn in the container (`irot`) and in EXIF: upright it is 600 × 800.
PHONE_HEIC = (Path(__file__).parent.parent / "files" / "phone.heic").read_bytes()

CORNERS = {"top left": "red", "top right": "lime", "bottom left": "blue", "bottom right": "white"}


class RememberingImages(WorkerImages):
    """Decodes a file once: what came of it is known when another test sends the same. What is refused is read anew."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: dict[tuple[bytes, ImageUse], tuple[PreparedImage, ...]] = {}

    async def prepare(self, content: bytes, *, use: ImageUse) -> tuple[PreparedImage, ...]:
        key = (hashlib.sha256(content).digest(), use)
        if key not in self._known:
            self._known[key] = await super().prepare(content, use=use)
        return self._known[key]


def four_corners(width: int = 400, height: int = 300) -> Image.Image:
    """A picture that shows how it was turned: red, green, blue and white quarters."""
    picture = Image.new("RGB", (width, height))
    for index, colour in enumerate(CORNERS.values()):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def saved(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    """The picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def telling_exif(orientation: int = 1, comment: str | None = None) -> Image.Exif:
    """EXIF as phones write it: where, with what, and which way up."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "TellTalePhone"
    position = exif.get_ifd(0x8825)
    position[1], position[2] = "N", (39.0, 54.0, 20.0)
    position[3], position[4] = "E", (116.0, 23.0, 29.0)
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = b"ASCII\x00\x00\x00" + comment.encode("ascii")
    return exif


def png_text(keyword: str, text: str) -> PngImagePlugin.PngInfo:
    """One text chunk for a PNG."""
    info = PngImagePlugin.PngInfo()
    info.add_text(keyword, text)
    return info


def swapped_profile() -> bytes:
    """An ICC profile in which red and blue have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "Odd!".encode("utf-16-be"))
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def pdf(*objects: bytes, catalog: bytes = b"", page: bytes = b"", trailer: bytes = b"", content: bytes = b"") -> bytes:
    """A PDF of one empty A4 page, with whatever is added to its parts; further objects are numbered from 5."""
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R " + page + b" >>",
        stream(content),
        *objects,
    ]
    written = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    for offset in offsets:
        written += b"%010d 00000 n \n" % offset
    written += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, trailer, start)
    return bytes(written)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A PDF stream object, packed."""
    packed = zlib.compress(data)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), entries, packed)


def slow_pdf(fills: int) -> bytes:
    """A small PDF that takes long to draw: one page painted over and over, a millisecond or two each time."""
    return pdf(content=b"0 0 595 842 re f\n" * fills)
