"""Reads a QR code with the tables of another library than the one that has drawn it (ISO/IEC 18004)."""

import io
from collections.abc import Iterator, Sequence
from itertools import chain

from PIL import Image
from reportlab.graphics.barcode.qrencoder import QRCode, QRMath, QRRSBlock, QRUtil

Modules = Sequence[Sequence[bool]]


def modules_of(png: bytes, *, border: int = 4) -> Modules:
    """Return the modules that a picture shows; its first dark run is the upper side of a finder: seven of them."""
    image = Image.open(io.BytesIO(png), formats=["png"]).convert("1")
    dark = [[image.getpixel((x, y)) == 0 for x in range(image.width)] for y in range(image.height)]
    first = next(row for row in dark if any(row))
    start = first.index(True)
    side = (first.index(False, start) - start) // 7
    assert start == border * side, "the quiet zone is white"
    assert image.width == image.height
    size = image.width // side - 2 * border
    middle = [start + side // 2 + side * place for place in range(size)]
    return [[dark[y][x] for x in middle] for y in middle]


def read(modules: Modules) -> str:
    """Return the text of a code in bytes, none of whose modules is damaged; its error correction is checked too."""
    size = len(modules)
    spots = [(8, column) for column in (*range(6), 7, 8)] + [(row, 8) for row in (7, 5, 4, 3, 2, 1, 0)]
    info = sum(modules[row][column] << (14 - place) for place, (row, column) in enumerate(spots))
    level, mask = divmod((info ^ QRUtil.G15_MASK) >> 10, 8)
    frame = QRCode((size - 17) // 4, level)
    frame.moduleCount = size
    flips = QRUtil.getMask(mask)
    bits = [modules[row][column] ^ flips(row, column) for column, row in frame.dataPosIterator()]
    return _text(_in_order(_numbers(bits, 8), frame.version, level), frame.version)


def _numbers(bits: Sequence[bool], length: int) -> list[int]:
    whole = len(bits) - len(bits) % length
    return [int("".join("01"[bit] for bit in bits[start : start + length]), 2) for start in range(0, whole, length)]


def _in_order(words: Sequence[int], version: int, level: int) -> bytes:
    """Put the data of the blocks, which lie side by side, one after the other; each has the right error correction."""
    sizes = [(block.dataCount, block.totalCount - block.dataCount) for block in QRRSBlock.getRSBlocks(version, level)]
    source = iter(words)
    data = _side_by_side(source, [size for size, _ in sizes])
    correction = _side_by_side(source, [size for _, size in sizes])
    for block, added in zip(data, correction, strict=True):
        assert not any(_syndrome([*block, *added], power) for power in range(len(added)))
    return bytes(chain.from_iterable(data))


def _side_by_side(source: Iterator[int], sizes: Sequence[int]) -> list[list[int]]:
    blocks: list[list[int]] = [[] for _ in sizes]
    for place in range(max(sizes)):
        for block, wanted in zip(blocks, sizes, strict=True):
            if place < wanted:
                block.append(next(source))
    return blocks


def _syndrome(block: Sequence[int], power: int) -> int:
    """Return the value of a block, read as a polynomial, at a power of the field's generator; whole ones have none."""
    value = 0
    for word in block:
        value = word ^ (QRMath.gexp(QRMath.glog(value) + power) if value else 0)
    return value


def _text(data: bytes, version: int) -> str:
    bits = [bool(byte >> (7 - place) & 1) for byte in data for place in range(8)]
    assert _numbers(bits[:4], 4) == [0b0100], "bytes"
    length = 16 if version > 9 else 8
    (count,) = _numbers(bits[4 : 4 + length], length)
    start = 4 + length
    return bytes(_numbers(bits[start : start + 8 * count], 8)).decode("ascii")
