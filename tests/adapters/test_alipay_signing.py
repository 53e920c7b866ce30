"""RSA2: what is signed, to the byte; who has signed it; and keys in every form that people have them in."""

import base64
import json
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.adapters.alipay_signing import (
    WrongSignature,
    read_answer,
    read_notice,
    read_private_key,
    read_public_key,
    sign,
)
from tests.adapters.face.alipay_gateway import (
    alipay_key,
    answer_of_text,
    application_key,
    is_signed,
    private_text,
    public_text,
    signature,
    text_of,
)

METHOD = "alipay.user.certify.open.query"
NODE = "alipay_user_certify_open_query_response"

# An answer of Alipay's sandbox and the key it is signed with: test/alipay.test.ts (checkResponseSign) and
# test/fixtures/alipay-public-key.pem at bf1c026 of github.com/alipay/alipay-sdk-nodejs-all.
PUBLISHED_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAk7LzhmMa2c4qQd4fqAqenfbuFoA7stPKvoS1LrZEsVnOOGUUjwoa1oU9xsSPjcOWhIer"
    "U/VAN4J95GIAXx59ipcleIyfLn2FhHXPgLJpvo+b2jJFyn/1/DbeJDh+0yDVAOf50Z7HhI0mdUhFMkXlT7BU0ZMtJf/TmISFEfhDU/w6qFd6D42L"
    "97byAkq0K6LroglSVF24GqJEa7hSeUIkZWj7RasykXrc2uVJ1+ejkXE0LyPxa2AHykMGbJLf5SiZvaNzUZgnKIR36mLOHpQ/2JCXxhXZYUWHzy0k"
    "MH54JcUEeksFWBYLGvLjV1phbcUIc3Q76tIuqApY6E222OoZZQIDAQAB"
)
PUBLISHED_ANSWER = (
    '{"alipay_open_file_upload_response":{"code":"10000","msg":"Success","file_id":"CAxAToWB1JsAAAAAAAAAAAAADgSLAQBr"},'
    '"sign":"F+LDzpTNiavn7xVZPGuPCSSVRSmWzJGgtuji6tVELGEaqMaNj0jRKXUEr5nloZJBBmwEnddOyCjjepMmrTKTvoOqQ0Efxpr/R1iEeHTHVbb'
    "/Q8TTh6Up5gHJDkILdaWS2q1cWeQ6VT+HQY9P3WRXS7uhILHuDODIhpAyCu5KhWGt0rMCIG+Im6NODJP2oohtSCtmTFXg58HH587Z2y2bdbjzOxLvzD9"
    "IrU1imghXQ2S/Q+wMIvRk9on6cWnBLkrNvJKapA2ReNGWOwyuASvB9zDVzhMPbR+3mfRGkVDxsq5HYLjBKGskJMXHw0HuugZij6ScRuaLPODhmHwr/pJ9"
    'yw=="}'
)


def _private(key: rsa.RSAPrivateKey, encoding: Encoding, form: PrivateFormat) -> bytes:
    return key.private_bytes(encoding, form, NoEncryption())


def _bare(der: bytes) -> str:
    return base64.b64encode(der).decode()


def test_an_answer_that_alipay_has_published_is_alipays() -> None:
    key = read_public_key(PUBLISHED_KEY)

    answer = read_answer(key, PUBLISHED_ANSWER.encode(), "alipay.open.file.upload")

    assert answer.is_signed
    assert answer.content["file_id"] == "CAxAToWB1JsAAAAAAAAAAAAADgSLAQBr"
    with pytest.raises(WrongSignature):
        read_answer(key, PUBLISHED_ANSWER.replace("10000", "10001").encode(), "alipay.open.file.upload")


def test_a_request_is_signed_over_its_sorted_parameters_unencoded_and_without_what_is_empty() -> None:
    parameters = {
        "method": "a.b",
        "biz_content": '{"name":"古丽·买买提 & co"}',
        "app_id": "7",
        "none": "",
        "sign": "old",
    }

    signed = sign(application_key(), parameters)

    assert is_signed(application_key(), 'app_id=7&biz_content={"name":"古丽·买买提 & co"}&method=a.b', signed)


@pytest.mark.parametrize(
    "text",
    [
        private_text(application_key()),
        _bare(_private(application_key(), Encoding.DER, PrivateFormat.TraditionalOpenSSL)),
        _private(application_key(), Encoding.PEM, PrivateFormat.PKCS8).decode(),
        _private(application_key(), Encoding.PEM, PrivateFormat.TraditionalOpenSSL).decode(),
        _private(application_key(), Encoding.PEM, PrivateFormat.PKCS8).decode().replace("\n", "\\n"),
        f"  {private_text(application_key())}\r\n",
    ],
    ids=["tool-pkcs8", "tool-pkcs1", "pem-pkcs8", "pem-pkcs1", "pem-in-one-line", "with-space-around"],
)
def test_a_private_key_is_read_in_every_form(text: str) -> None:
    assert read_private_key(text).private_numbers() == application_key().private_numbers()


@pytest.mark.parametrize(
    "text",
    [
        public_text(alipay_key()),
        _bare(alipay_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)),
        alipay_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    ],
    ids=["console", "pkcs1", "pem"],
)
def test_a_public_key_is_read_in_every_form(text: str) -> None:
    assert read_public_key(text) == alipay_key().public_key()


_CURVE = ec.generate_private_key(ec.SECP256R1())
_SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        "AAAA",
        "钥匙",
        public_text(application_key()),
        private_text(_SHORT),
        _bare(_CURVE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        private_text(application_key())[:-40],
    ],
    ids=["nothing", "no-base64", "no-key", "no-ascii", "public", "short", "curve", "cut-off"],
)
def test_what_is_no_private_key_is_said_in_words_that_do_not_show_it(text: str) -> None:
    with pytest.raises(ValueError, match="it is no RSA private key of 2048 bits or more") as raised:
        read_private_key(text)

    assert not text or text not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        private_text(application_key()),
        public_text(_SHORT),
        _bare(_CURVE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    ],
    ids=["nothing", "no-base64", "private", "short", "curve"],
)
def test_what_is_no_public_key_is_said_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="it is no RSA public key of 2048 bits or more"):
        read_public_key(text)


CONTENTS = [
    '{"code":"10000","passed":"T"}',
    '{ "code" : "10000",\n\t"passed":["T"] }',
    '{"code":"10000","identity_info":"{\\"sign\\":\\"x\\"},\\"sign\\":\\"y\\"}"}',
    '{"code":"10000","a":{"b":[{"c":"}]"},"{",{}]},"sign":"inner"}',
    '{"code":"10000","msg":"\\u6210\\u529f \\\\","url":"http:\\/\\/a\\/b"}',
    '{"code":"10000","msg":"成功 ","n":1.50e3,"x":null}',
    "{}",
]


@pytest.mark.parametrize("text", CONTENTS)
@pytest.mark.parametrize(
    "form",
    [
        '{"%(node)s":%(text)s,"sign":"%(sign)s"}',
        '{"sign":"%(sign)s","%(node)s":%(text)s}',
        ' {\r\n"%(node)s" \n:\t%(text)s ,\n "alipay_cert_sn" : "{}" , "sign":"%(sign)s" }\n',
        '{"error_response":%(text)s,"sign":"%(sign)s"}',
    ],
    ids=["usual", "sign-first", "with-space-and-more", "gateway"],
)
def test_an_answer_is_verified_as_it_stands_in_the_body(form: str, text: str) -> None:
    body = form % {"node": NODE, "text": text, "sign": signature(alipay_key(), text)}

    answer = read_answer(alipay_key().public_key(), body.encode(), METHOD)

    assert answer.is_signed
    assert answer.content == json.loads(text)


def test_an_answer_signed_with_plain_slashes_is_alipays_and_read_as_it_was_signed() -> None:
    escaped = r'{"url":"http:\/\/a\/b","odd":"\\/"}'
    signed = signature(alipay_key(), escaped.replace(r"\/", "/"))

    answer = read_answer(alipay_key().public_key(), answer_of_text(METHOD, escaped, signed), METHOD)

    assert answer.content == {"url": "http://a/b", "odd": "/"}


@pytest.mark.parametrize("at", range(0, 30, 3))
def test_an_answer_with_one_letter_changed_is_not_alipays(at: int) -> None:
    text = '{"code":"10000","passed":"F"}'
    changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]

    with pytest.raises(ValueError):  # noqa: PT011 - some changes leave no JSON
        read_answer(alipay_key().public_key(), answer_of_text(METHOD, changed, signature(alipay_key(), text)), METHOD)


@pytest.mark.parametrize(
    "signed",
    ["", "AAAA", "not base64!", "é", signature(application_key(), "{}"), signature(alipay_key(), "{ }")],
    ids=["empty", "short", "no-base64", "no-ascii", "of-another-key", "of-another-text"],
)
def test_another_signature_is_wrong(signed: str) -> None:
    with pytest.raises(WrongSignature):
        read_answer(alipay_key().public_key(), answer_of_text(METHOD, "{}", signed), METHOD)


def test_an_answer_without_a_signature_says_so() -> None:
    answer = read_answer(alipay_key().public_key(), answer_of_text(METHOD, '{"code":"10000"}', None), METHOD)

    assert not answer.is_signed


_SIGNED = signature(alipay_key(), "{}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{,}",
        b'{"sign":"x"}',
        f'{{"{NODE}":{{}},"sign":"{_SIGNED}"'.encode(),
        f'{{"{NODE}":{{}},"sign":"{_SIGNED}"}}}}'.encode(),
        f'{{"{NODE}":{{}},"sign":"{_SIGNED}",}}'.encode(),
        f'{{"{NODE}":{{}},"{NODE}":{{"passed":"T"}},"sign":"{_SIGNED}"}}'.encode(),
        f'{{"{NODE}":{{}},"sign":"{_SIGNED}","sign":"{_SIGNED}"}}'.encode(),
        f'{{"{NODE}",{{}}:"sign":"{_SIGNED}"}}'.encode(),
        f'{{"other_{NODE}":{{}},"sign":"{_SIGNED}"}}'.encode(),
        f'{{"{NODE}":{{}},"sign":["{_SIGNED}"]}}'.encode(),
        f'{{"{NODE}":"{{}}"}}'.encode(),
        f'{{"{NODE}":{"[" * 100_000}'.encode(),
        f'{{7:{{}},"sign":"{_SIGNED}"}}'.encode(),
        b"\xff\xfe{}",
        b"<html></html>",
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds, and each is one
        read_answer(alipay_key().public_key(), body, METHOD)


NOTICE = {"app_id": "7", "notify_id": "n1", "subject": "认证 100% & done+", "empty": "", "sign_type": "RSA2"}
NOTICE_TEXT = "app_id=7&notify_id=n1&subject=认证 100% & done+"


def test_a_notice_is_signed_over_its_decoded_fields_without_sign_and_sign_type() -> None:
    assert text_of({name: value for name, value in NOTICE.items() if value}, "sign_type") == NOTICE_TEXT
    body = urlencode({**NOTICE, "sign": signature(alipay_key(), NOTICE_TEXT)}).encode()

    notice = read_notice(alipay_key().public_key(), body)

    assert notice["subject"] == "认证 100% & done+"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff=1",
        b"a=%ff",
        b"&".join(b"f%d=1" % number for number in range(101)),
        urlencode(NOTICE).encode(),
        urlencode({**NOTICE, "sign": signature(application_key(), NOTICE_TEXT)}).encode(),
        urlencode({**NOTICE, "app_id": "8", "sign": signature(alipay_key(), NOTICE_TEXT)}).encode(),
        urlencode({**NOTICE, "more": "x", "sign": signature(alipay_key(), NOTICE_TEXT)}).encode(),
        urlencode([*NOTICE.items(), ("app_id", "7"), ("sign", signature(alipay_key(), NOTICE_TEXT))]).encode(),
    ],
    ids=["nothing", "no-utf8", "no-utf8-inside", "too-many", "unsigned", "another-key", "altered", "more", "twice"],
)
def test_what_alipay_has_not_signed_is_no_notice(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a wrong signature is one as well
        read_notice(alipay_key().public_key(), body)
