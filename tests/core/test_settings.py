"""Settings: read from the environment, refused when they are a dangerous mix, never shown with their secrets."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.core.settings import Environment, Settings

SAFE: dict[str, Any] = {
    "environment": "production",
    "face_providers": "aliyun",
    "messages_adapter": "gateway",
    "messages_gateway": {"endpoint": "https://sms.example", "secrets": "whsec_" + "A" * 44},
    "certifications_adapter": "gateway",
    "certifications_gateway": {"endpoint": "https://benefits.example", "secrets": "whsec_" + "A" * 44},
    "card_orders_adapter": "gateway",
    "card_orders_gateway": {"endpoint": "https://cards.example", "secrets": "whsec_" + "A" * 44},
    "transfers_adapter": "gateway",
    "transfers_gateway": {"endpoint": "https://places.example", "secrets": "whsec_" + "A" * 44},
    "insurance_adapter": "gateway",
    "insurance_human_resources": {"endpoint": "https://hr.example", "secrets": "whsec_" + "A" * 44},
    "insurance_healthcare_security": {"endpoint": "https://care.example", "secrets": "whsec_" + "A" * 44},
    "medical_funds_adapter": "national",
    "national_gateway": {"endpoint": "https://national.example/", "app_id": "escard", "secrets": "whsec_" + "A" * 44},
    "database_url": "postgresql://escard_app:secret@db/escard",
    "public_url": "https://escard.example",
}


def refusal(**values: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Settings(**values)
    return str(refused.value)


def test_development_needs_no_setting() -> None:
    settings = Settings()

    assert settings.environment is Environment.DEVELOPMENT
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.cors_origins == ()


def test_production_refuses_every_sandbox_and_names_them_all() -> None:
    said = refusal(environment="production")

    sandboxes = (
        "ESCARD_CARD_ORDERS_ADAPTER",
        "ESCARD_FACE_PROVIDERS",
        "ESCARD_MESSAGES_ADAPTER",
        "ESCARD_REGISTER_ADAPTER",
        "ESCARD_CERTIFICATIONS_ADAPTER",
        "ESCARD_TRANSFERS_ADAPTER",
        "ESCARD_INSURANCE_ADAPTER",
        "ESCARD_MEDICAL_FUNDS_ADAPTER",
    )
    assert all(name in said for name in sandboxes)


@pytest.mark.parametrize("face_providers", ["sandbox", "bundled", "aliyun,bundled", "aliyun"])
def test_production_refuses_the_readable_inbox(face_providers: str) -> None:
    said = refusal(**SAFE | {"messages_adapter": "inbox", "face_providers": face_providers})

    assert "ESCARD_MESSAGES_ADAPTER" in said
    assert ("ESCARD_FACE_PROVIDERS" in said) is (face_providers != "aliyun")


def test_production_wants_tls_before_it() -> None:
    assert "https://" in refusal(**SAFE | {"public_url": "http://escard.example"})


def test_production_can_be_set() -> None:
    assert Settings(**SAFE).environment is Environment.PRODUCTION


@pytest.mark.parametrize("port", ["messages", "certifications", "transfers", "card_orders"])
def test_a_gateway_that_is_not_named_is_refused(port: str) -> None:
    assert f"ESCARD_{port.upper()}_GATEWAY__ENDPOINT" in refusal(**{f"{port}_adapter": "gateway"})


def test_an_object_store_without_its_bucket_is_refused() -> None:
    assert "ESCARD_S3__BUCKET" in refusal(object_store="s3")


@pytest.mark.parametrize(
    "values",
    [
        {"port": 0},
        {"port": 65536},
        {"environment": "staging"},
        {"database_connections": 1},
        {"database_timeout_seconds": 0},
        {"requests_per_minute": 0},
        {"log_level": "loud"},
        {"trusted_proxies": ["10.0.0.1/8"]},
        {"cors_origins": ["*"]},
        {"cors_origins": ["null"]},
        {"cors_origins": ["https://page.example/"]},
        {"cors_origins": ["page.example"]},
        {"no_such_setting": 1},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    refusal(**values)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "9000",
        "CORS_ORIGINS": '["https://app.example"]',
        "TRUSTED_PROXIES": '["10.0.0.0/8"]',
        "OBJECT_STORE": "s3",
        "S3__BUCKET": "papers",
        "S3__ACCESS_KEY_ID": "id",
        "S3__SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(f"ESCARD_{name}", value)

    settings = Settings()

    assert settings.port == 9000
    assert settings.cors_origins == ("https://app.example",)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8"]
    assert settings.s3 is not None
    assert settings.s3.bucket == "papers"


def test_no_secret_is_shown() -> None:
    s3 = {"bucket": "papers", "access_key_id": "id", "secret_access_key": "the-secret"}
    settings = Settings(database_url="postgresql://app:the-secret@db/escard", s3=s3)

    assert "the-secret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_settings_stay_as_they_are() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_authorities_are_asked_by_two_gateways_or_by_none() -> None:
    assert "ESCARD_INSURANCE_HEALTHCARE_SECURITY" in refusal(
        insurance_adapter="gateway", insurance_human_resources=SAFE["insurance_human_resources"]
    )


NATIONAL = SAFE["national_gateway"]


@pytest.mark.parametrize(
    ("adapter", "word"),
    [("register", "gateway"), ("insurance", "national"), ("card_orders", "national"), ("medical_funds", "national")],
)
def test_the_national_gateway_is_named_where_an_adapter_goes_through_it(adapter: str, word: str) -> None:
    said = refusal(**{"card_orders_adapter": "national"} | {f"{adapter}_adapter": word})

    assert f"ESCARD_{adapter.upper()}_ADAPTER is {word}" in said
    assert "ESCARD_NATIONAL_GATEWAY__APP_ID" in said


def test_cards_are_not_made_for_a_register_that_is_not_asked() -> None:
    said = refusal(national_gateway=NATIONAL, register_adapter="gateway")

    assert "ESCARD_CARD_ORDERS_ADAPTER is embedded" in said


def test_production_takes_the_national_gateway_for_all() -> None:
    adapters = {"register_adapter": "gateway", "insurance_adapter": "national", "card_orders_adapter": "national"}
    settings = Settings(**SAFE | adapters)

    assert settings.national_gateway is not None
    assert settings.national_gateway.concurrency == 16


@pytest.mark.parametrize("change", [{"endpoint": "http://national.example/"}, {"app_id": "a b"}, {"concurrency": 0}])
def test_a_national_gateway_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    assert "national_gateway" in refusal(national_gateway=NATIONAL | change)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"secrets": ""}, "either ESCARD_NATIONAL_GATEWAY__SECRETS or ESCARD_NATIONAL_GATEWAY__SM2_KEY"),
        ({"sm2_key": "MFkw"}, "either ESCARD_NATIONAL_GATEWAY__SECRETS or ESCARD_NATIONAL_GATEWAY__SM2_KEY"),
        ({"secrets": "", "sm2_key": "MFkw"}, "ESCARD_SIGNER"),
    ],
)
def test_a_national_gateway_is_signed_to_in_one_way_that_can_be_gone(change: dict[str, str], named: str) -> None:
    assert named in refusal(national_gateway=NATIONAL | change)
