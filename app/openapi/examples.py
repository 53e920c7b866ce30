"""Examples for the OpenAPI document: the people in them are nobody, see docs/register.md."""

from collections.abc import Mapping
from typing import Any, Final

from app import texts

_ENROLMENT = "adee020f-aa71-8174-882d-350103a01f1b"
_LINK = "adee4918-c938-8ba3-a5ea-0970dc524732"
_HANDOVER = "adee7f70-245d-8d08-9564-a6755f003d62"
_CHECK = "adeeca3e-42f1-8d0d-91e8-c579ffff4cf8"
_PHONE = "10000000001"
_SHA256 = "c53b9c3f979c856cf9736a2ebc9c913ee2ba22c88d088a7127df87315c16eac8"
_SHOWN = {"code": "family-account", "version": "2026-11-01", "language": "en", "sha256": _SHA256}
_DEVICE = {"id": "6d1f3c9e2b7a4f10", "name": "My phone", "platform": "ios"}
_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "re7BpI…",
    "refresh_expires_in": 604800,
    "session_id": "adeec1a4-8cf9-84ba-a83b-154d4bd053a9",
}
_MEMBER = {"name": "王**", "social_security_number": "100101********0077", "age": 9, "relationship": "20"}
_CHECK_READ = {
    "id": _CHECK,
    "state": "passed",
    "mode": "photo",
    "provider": "sandbox",
    "client": {},
    "reason": "ok",
    "reason_text": "The face check passed; please go on with the next step.",
    "tries_left": 3,
    "expires_at": "2026-11-22T05:19:33Z",
}
_HANDOVER_CODE = "re5D3CRdjQiVZKZ1XwA9Yk0…"
_SERVICES = ["view", "show_code", "certify", "file"]
_SHARED_BY = "adee7c42-9b1e-8f03-a1c5-5e2f8d6b4a90"
_DRAW = "adee0b7d-4f2a-8c6e-93d1-7a5c1e8f2b64"
_CASE = "adee4f21-7e0c-8a55-9b1d-6f0a52c7d3e8"
_WAITING = {
    "id": _CASE,
    "purpose": "enrolment",
    "reason": "guardianship",
    "risks": ["many_new_members"],
    "opened_at": "2026-11-22T05:09:33Z",
    "due_at": "2026-11-27T05:09:33Z",
    "is_overdue": False,
    "face_hint": None,
    "reviewers_needed": 2,
    "approvals": 0,
}

_RELATIVE = {"computer_number": "600000011", "id_number": "100101195710120231", "relationship": "51"}
_BINDING = {
    "id": "adee6b0d-2f1c-8b7e-9a44-0d5c8e7f1a26",
    "name": "王**",
    "id_number": "100101********0231",
    "relationship": "51",
    "relationship_name": "father",
    "state": "pending",
    "way": "web_page",
    "confirmed_by": "code",
    "monthly_cap": None,
    "asked_at": "2026-11-22T05:11:30Z",
    "active_since": None,
    "expires_at": "2026-11-25T05:11:30Z",
    "code_until": "2026-11-22T05:41:30Z",
    "code_tries_left": 5,
}
_WAYS = {"sms": True, "push": True}
_NOTIFICATION = {
    "id": "adeeb3a0-6a4e-8c51-9a0e-1f2d5a0f7c11",
    "code": "link_started_owner",
    "topic": "security",
    "text": "王** has joined your family account; you can now act for them in the family service.",
    "created_at": "2026-11-22T05:19:33Z",
    "read_at": None,
}

_CARD_READ = "re5vGkJd9wQ0pXc7Lr2m"

_PAPER = {"name": "李秀英", "social_security_number": "100101195806150024", "documents_seen": ["id_card"]}

_DEED = {
    "body": '{"number": 17, "session_id": "adee…", "kind": "link_ending", "person": {…}}',
    "content_digest": "sha-256=:…:",
    "signature_input": 'sig=("@method" "@path" "content-digest");created=1795316973;keyid="window-1";nonce="…"',
    "signature": "sig=:…:",
}

EXAMPLES: Final[Mapping[str, dict[str, Any]]] = {
    "SmsCodeAsk": {"phone": _PHONE, "purpose": "register"},
    "SmsCodeSent": {"expires_in": 300, "resend_after": 60},
    "AccountAsk": {"phone": _PHONE, "sms_code": "471102", "password": "four quiet herons", "device": _DEVICE},
    "AccountOpened": {
        "account": {"id": "f5179c26-e609-816f-84bd-6b9d6d6aa405", "phone": "100****0001"},
        "tokens": _TOKENS,
    },
    "SessionAsk": {"phone": _PHONE, "password": "four quiet herons", "device": _DEVICE},
    "PhoneChangeAsk": {"phone": "10000000002", "sms_code": "471102", "new_phone_sms_code": "380915"},
    "RefreshAsk": {"refresh_token": "re7BpI…"},
    "TokensRead": _TOKENS,
    "DeviceAsk": _DEVICE,
    "NotificationsRead": {"items": [_NOTIFICATION], "next_cursor": None, "unread": 1},
    "NotificationRead": _NOTIFICATION,
    "LaunchAsk": {
        "launch": "eyJhbGciOiJFUzI1NiIsImtpZCI6ImRlbW8iLCJ0eXAiOiJsYXVuY2grand0In0.eyJpc3MiOiJkZW1vLWJhbmsifQ.MEUC"
    },
    "ReplayAsk": {"since": "2026-11-20T00:00:00Z", "state": "given_up"},
    "NotificationsReadAsk": {"until": _NOTIFICATION["id"]},
    "NotificationPreferencesAsk": {"language": "en", "topics": {"family": {"sms": False}}},
    "NotificationPreferencesRead": {
        "language": "en",
        "topics": {
            "security": _WAYS,
            "family": {"sms": False, "push": True},
            **dict.fromkeys(("enrolments", "cards", "certifications", "filings"), _WAYS),
        },
        "always": ["security"],
    },
    "PushAddressAsk": {"address": "fHk2Zr9-uB1x7Qd0"},
    "WaysAsk": {"sms": False},
    "EnrolmentAsk": {"kind": "family_member"},
    "NoticeShown": _SHOWN,
    "ConsentAsk": _SHOWN | {"code": "face-check", "services": ["view", "show_code"]},
    "DetailsAsk": {"name": "王子墨", "social_security_number": "100101201705200077", "relationship": "20"},
    "FaceCheckAsk": {"device_meta": {}},
    "HandoverOfferRead": {
        "url": f"https://card.example/handover#{_HANDOVER_CODE}",
        "spoken_code": "471102",
        "expires_in": 900,
    },
    "HandoverOpeningAsk": {"code": _HANDOVER_CODE, "spoken_code": "471102", "device": _DEVICE},
    "HandoverTokenRead": {
        "access_token": f"handover.{_HANDOVER}.…",
        "token_type": "Bearer",
        "expires_in": 900,
    },
    "MemberConsentAsk": _SHOWN | {"code": "face-check", "services": ["view", "show_code"]},
    "DisputeAsk": {"reason": "owner_unknown"},
    "HandoverRead": {
        "state": "opened",
        "expires_at": "2026-11-22T05:24:33Z",
        "enrolment_id": _ENROLMENT,
        "enrolment_state": "face_pending",
        "owner": {"name": "王**", "relationship": "51", "relationship_text": "王**'s father"},
        "member_name": "王**",
        "notice": "/v1/notices/face-check",
        "services": [
            {
                "service": "view",
                "title": "See my e-card and insurance record",
                "detail": "They can look at your e-card and at what your insurance record says.",
            }
        ],
        "agreed": None,
        "face_check": None,
        "tries_left": 3,
        "next": [
            {
                "step": "consent",
                "method": "PUT",
                "href": "/v1/handovers/current/consents/face-check",
                "notice": "/v1/notices/face-check",
            },
            {"step": "refuse", "method": "POST", "href": "/v1/handovers/current/refusals"},
            {"step": "dispute", "method": "POST", "href": "/v1/handovers/current/disputes"},
        ],
    },
    "ReviewAsk": {"reason": "face_not_possible"},
    "PhoneCheckAsk": {"sms_code": "471102"},
    "CodeAsk": {"purpose": "medical"},
    "CodeRead": {"code": "eyJhbGciOiJFUzI1NiIsImtpZCI6Ik…", "expires_at": "2026-11-22T05:10:33Z"},
    "RedemptionAsk": {"code": "eyJhbGciOiJFUzI1NiIsImtpZCI6Ik…"},
    "RedemptionRead": {
        "purpose": "identify",
        "holder": {"name": "王**", "social_security_number": "100101********0077"},
        "card": {"card_number": "D00****07", "level": 1, "region": "100101", "physical_card": "normal"},
        "shown_by": "owner",
        "owner": {"name": "王**", "relationship": "20", "relationship_text": "王**'s son"},
        "redeemed_at": "2026-11-22T05:09:33Z",
        "redemption_id": None,
    },
    "PreviewAsk": {"amount": "52.30"},
    "PreviewRead": {
        "amount": "52.30",
        "covered": "52.30",
        "uncovered": "0.00",
        "shares": [
            {
                "source": "own",
                "binding_id": None,
                "name": None,
                "relationship": None,
                "amount": "12.30",
                "because": "empty",
            },
            {
                "source": "shared",
                "binding_id": _SHARED_BY,
                "name": "陈**",
                "relationship": "20",
                "amount": "40.00",
                "because": None,
            },
        ],
    },
    "DrawAsk": {
        "redemption_id": "adee6d1f3c9e2b7a4f106d1f3c9e2b7a4f10",
        "order_number": "till-3.20261122.0017",
        "amount": "52.30",
        "partial_allowed": False,
    },
    "TerminalDrawRead": {
        "id": _DRAW,
        "order_number": "till-3.20261122.0017",
        "amount": "52.30",
        "covered": "52.30",
        "uncovered": "0.00",
        "own": "12.30",
        "shared": "40.00",
        "drawn_at": "2026-11-22T05:10:02Z",
        "reversed_at": None,
    },
    "DrawsRead": {
        "items": [
            {
                "id": _DRAW,
                "side": "spent",
                "amount": "52.30",
                "covered": "52.30",
                "drawn_at": "2026-11-22T05:10:02Z",
                "reversed_at": None,
                "office": "Demo office",
                "parts": [
                    {"source": "own", "binding_id": None, "name": None, "amount": "12.30"},
                    {"source": "shared", "binding_id": _SHARED_BY, "name": "陈**", "amount": "40.00"},
                ],
                "spender": None,
            }
        ],
        "next_cursor": None,
        "months": [{"month": "2026-11", "own": "12.30", "from_others": "40.00", "for_others": "0.00"}],
    },
    "CardPasswordAsk": {"password": "518093"},
    "PasswordCheckAsk": {"password": "518093"},
    "PasswordChangeAsk": {"current": "518093", "new": "740268"},
    "PasswordResetAsk": {"sms_code": "471102"},
    "NewPasswordAsk": {"new": "740268"},
    "StepUpRead": {
        "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…",
        "token_type": "Bearer",
        "expires_in": 600,
        "acr": "urn:escard:acr:card-password",
        "auth_time": 1795324172,
    },
    "RightsStatementAsk": {"insurances": ["pension", "medical"], "first_month": "2026-01", "last_month": "2026-11"},
    "RightsStatementRead": {
        "id": "adee2a1c-5b7e-8c11-9a0e-0b6b5f3d9f10",
        "number": "0123-4567-89AB-CDEF-0123-4567-89AB-CDEF",
        "sha256": _SHA256,
        "issued_at": "2026-11-22T05:09:33Z",
        "kept_until": "2026-12-22T05:09:33Z",
        "valid_until": "2029-11-22T05:09:33Z",
        "href": "/v1/holders/me/rights/statements/adee2a1c-5b7e-8c11-9a0e-0b6b5f3d9f10",
        "verification": "https://card.example/v1/statements/0123456789abcdef0123456789abcdef",
        "signature": "eyJhbGciOiJFUzI1NiIs…",
    },
    "RightsRead": {
        "holder": {"name": "王**", "social_security_number": "100101********0077"},
        "insurances": [
            {
                "insurance": "pension",
                "name": "Pension insurance",
                "authority": "human_resources",
                "authority_name": "Human resources and social security",
                "as_of": "2026-11-22T05:09:33Z",
                "schemes": [
                    {
                        "scheme": "110",
                        "scheme_name": "Basic pension insurance for employees",
                        "status": "paying",
                        "status_name": "Paying",
                        "region": "100101",
                        "employer": "示例市第一机械厂",
                        "first_month": "2009-03",
                        "last_month": "2026-11",
                        "months_paid": 210,
                        "base": "14233.12",
                        "personal": "1138.65",
                        "by_employer": "2277.30",
                        "balance": "168305.53",
                        "arrived_month": "2026-10",
                    }
                ],
                "missing": None,
            },
            {
                "insurance": "medical",
                "name": "Medical insurance",
                "authority": "healthcare_security",
                "authority_name": "Healthcare security",
                "as_of": None,
                "schemes": None,
                "missing": {
                    "reason": "no_answer",
                    "retry_at": "2026-11-22T05:10:33Z",
                    "next": {
                        "action": "read-again",
                        "href": "/v1/holders/me/rights/medical",
                        "text": "The authority's system does not answer just now; please look again later.",
                    },
                },
            },
        ],
    },
    "StatementCheckRead": {"valid": True, "issued_on": "2026-11-22", "sha256": _SHA256},
    "NoticeRead": {
        "code": "family-account",
        "version": "2026-11-01",
        "language": "en",
        "title": "Family service notice",
        "body": "## What this service is\n\nWith the family service you …",
        "sha256": _SHA256,
        "effective_from": "2026-11-01",
        "min_reading_seconds": 40,
    },
    "EnrolmentRead": {
        "id": _ENROLMENT,
        "kind": "family_member",
        "state": "documents_pending",
        "version": 6,
        "member": _MEMBER,
        "requirements": [
            {
                "kind": "identity_document",
                "any_of": [
                    "social_security_card",
                    "household_register",
                    "birth_certificate",
                    "id_card_front",
                    "residence_permit_front",
                ],
                "met": True,
            },
            {"kind": "facial_photo", "any_of": ["facial_photo"], "met": False},
            {"kind": "consent", "any_of": ["identity-document"], "met": True},
            {"kind": "consent", "any_of": ["minor-data"], "met": True},
            {"kind": "consent", "any_of": ["face-check"], "met": True},
        ],
        "face": {"mode": "photo", "tries_left": 3, "last_reason": None},
        "advice": [],
        "handover": None,
        "consents": ["face-check", "identity-document", "minor-data", "notice"],
        "waiting_for": None,
        "review": None,
        "next": [
            {"step": "documents", "method": "PUT", "href": f"/v1/enrolments/{_ENROLMENT}/documents/facial_photo"},
            {"step": "review", "method": "POST", "href": f"/v1/enrolments/{_ENROLMENT}/review-requests"},
        ],
        "rejection": None,
        "rejection_text": None,
        "asked_for": None,
        "asked_for_text": None,
        "link_id": None,
        "proof": None,
        "expires_at": "2026-11-25T05:09:32Z",
        "tokens": None,
    },
    "FaceCheckRead": _CHECK_READ,
    "ResetRead": {
        "id": "adee7d1c-51c1-8b6e-9c5d-4a7b2f8e0d13",
        "state": "face_pending",
        "expires_at": "2026-11-22T06:09:33Z",
        "face_check": _CHECK_READ | {"state": "started", "mode": "live", "reason": None, "reason_text": None},
    },
    "CertificationAsk": {"way": "face", "consent": _SHOWN | {"code": "face-check"}, "device_meta": {}},
    "CertificationsRead": {
        "state": "due_soon",
        "benefits": [
            {
                "kind": "pension",
                "payment": "paid",
                "suspended_since": None,
                "restored_on": None,
                "back_paid": None,
                "back_paid_months": None,
            }
        ],
        "certified_on": "2026-01-06",
        "way": "face",
        "due_on": "2027-01-06",
        "as_of": "2026-11-22T05:09:33Z",
        "is_current": True,
        "next": [
            {
                "step": "certify",
                "method": "POST",
                "href": f"/v1/holders/{_LINK}/benefit-certifications",
                "way": "counter",
                "way_text": "At a counter, with an identity document: our staff see that it is you.",
            }
        ],
        "items": [],
        "next_cursor": None,
    },
    "CertificationRead": {
        "id": "adee6b1f-03c7-8f4d-a1e2-90b7c5d2e6f4",
        "way": "face",
        "state": "passed",
        "reason": None,
        "reason_text": None,
        "certified_on": "2026-11-22",
        "valid_until": "2027-11-22",
        "reported_at": "2026-11-22T05:11:02Z",
        "is_face_reused": False,
        "created_at": "2026-11-22T05:09:33Z",
        "version": 3,
        "face_check": _CHECK_READ | {"mode": "live"},
        "next": [
            {"step": "see-certifications", "method": "GET", "href": f"/v1/holders/{_LINK}/benefit-certifications"}
        ],
    },
    "CardRead": {
        "status": "active",
        "name": "王**",
        "social_security_number": "100101********0037",
        "card_number": "D00****01",
        "level": 1,
        "region": "100101",
        "physical_card": "normal",
        "allows": {
            "view": True,
            "query": True,
            "show_code": True,
            "certify": True,
            "file": True,
            "order": True,
            "pay": False,
            "history": True,
        },
        "refusals": [
            {
                "use": "pay",
                "reason": "card-payment-not-added",
                "next": {
                    "action": "card-payment-not-added",
                    "href": "/v1/holders/me/card/level-upgrades",
                    "notice": "/v1/notices/card-payment",
                    "text": texts.problem("card-payment-not-added", "en").next,
                },
            }
        ],
        "suspension": None,
        "issue_number": "21796876432453181188",
        "issued_at": "2026-11-22T05:09:32Z",
        "next": None,
    },
    "ReconfirmationAsk": _SHOWN | {"code": "face-check", "services": ["view", "show_code"], "way": "face"},
    "LinkEndingAsk": {"name": "王子墨", "social_security_number": "100101201705200077"},
    "LinkEndingCodeAsk": {"sms_code": "471102", "link_ids": [_LINK], "binding_ids": []},
    "LinkDisputeAsk": {"reason": "not_agreed"},
    "ServicesAsk": {"services": ["view", "show_code"]},
    "FamilyRead": {
        "members": [
            _MEMBER
            | {
                "link_id": _LINK,
                "relationship_name": "son",
                "place": "child",
                "state": "active",
                "since": "2026-11-22T05:11:30Z",
                "services": _SERVICES,
                "shared": {"card": True, "filing": True, "money": "active", "money_to_me": "none"},
                "changes": [
                    {
                        "kind": "live_face",
                        "on": "2033-05-20",
                        "text": texts.family("live_face_owner", "en"),
                    }
                ],
            }
        ],
        "adding": [],
        "owners": [],
        "quota": {
            "profile": "default",
            "since": "2026-01-01",
            "text": "You can add 10 relatives in all: 1 spouse, 3 children, 4 elders and 2 others."
            " This rule holds since 2026-01-01.",
            "total": {"used": 1, "limit": 10, "left": 9},
            "spouse": {"used": 0, "limit": 1, "left": 1},
            "child": {"used": 1, "limit": 3, "left": 2},
            "elder": {"used": 0, "limit": 4, "left": 4},
            "other": {"used": 0, "limit": 2, "left": 2},
        },
    },
    "CardOrderAsk": {"reason": "lost", "office_id": "demo-office"},
    "RelativeAsk": _RELATIVE,
    "SharingAsk": {"notice": _SHOWN | {"code": "account-sharing"}, "bindings": [_RELATIVE]},
    "OutcomesRead": {"items": [{"index": 0, "status": "pending", "binding": _BINDING, "problem": None}]},
    "BindingRead": _BINDING,
    "SharingConfirmationAsk": {"sms_code": "471102"},
    "SharingCapAsk": {"monthly_cap": "300.00"},
    "SharingOrderAsk": {"order": "chosen", "binding_ids": [_BINDING["id"]]},
    "TransferAsk": {"insurance": "pension", "from_region": "100101", "to_region": "100200"},
    "RelationshipsRead": {
        "since": "2026-01-01",
        "items": [
            {
                "code": "51",
                "name": "father",
                "place": "elder",
                "sex": "male",
                "owner_sex": None,
                "least_years_apart": 14,
                "rules": [
                    {"code": "member_male", "text": "Your relative is male."},
                    {
                        "code": "member_older_by_years",
                        "text": "Your relative is older than you by the years of a generation.",
                    },
                ],
            }
        ],
    },
    "OfficeRead": {
        "id": "demo-office",
        "name": "西区社保服务窗口",
        "kind": "district_branch",
        "region": "100101",
        "address": "西大街 8 号",
        "hours": "周一至周五 9:00–17:00",
        "phone": "12333",
    },
    "ChannelSessionAsk": {"auth_code": "4b203fe6c11548bcabd8da5bb087a83b", "device": _DEVICE},
    "ChannelTicketAsk": {"channel_ticket": "dJkzTMQEUDlg3KRqoR51YQ…"},
    "ChannelTicketRead": {
        "ticket": "dJkzTMQEUDlg3KRqoR51YQ…",
        "expires_in": 600,
        "next": [
            {"step": "sign-in", "method": "POST", "href": "/v1/sessions"},
            {"step": "register", "method": "POST", "href": "/v1/accounts"},
        ],
    },
    "StaffSessionAsk": {"login": "li.wei", "password": "kq7pm-x3hva-w9czt-r5bnd", "totp": "492039"},
    "StaffSessionRead": {
        "access_token": "re7BpI…",
        "token_type": "Bearer",
        "expires_in": 28800,
        "idle_seconds": 900,
        "session_id": "52d8c1a4-8cf9-84ba-a83b-154d4bd053a9",
        "operator": {
            "id": "52d8179c-e609-816f-84bd-6b9d6d6aa405",
            "login": "li.wei",
            "role": "reviewer",
            "office_id": "demo-office",
        },
    },
    "DecisionAsk": {"decision": "ask_for_more", "reason": "papers-unreadable"},
    "DecisionRead": {
        "id": _CASE,
        "state": "open",
        "reviewers_needed": 2,
        "approvals": 1,
    },
    "AttestationAsk": {
        "documents_seen": ["id_card"],
        "consents": [_SHOWN | {"code": "counter-check", "services": ["view", "certify"]}],
    },
    "CounterEnrolmentAsk": {"owner_card_read": _CARD_READ, "notice": _SHOWN},
    "CounterDetailsAsk": {
        "owner_card_read": _CARD_READ,
        "name": "李秀英",
        "social_security_number": "100101195806150024",
        "relationship": "52",
    },
    "SignedDeedAsk": _DEED,
    "OfflineDeedsAsk": {"deeds": [_DEED]},
    "OfflineDeedsRead": {
        "items": [
            {
                "index": 0,
                "terminal": "window-1",
                "number": 17,
                "status": "done",
                "code": None,
                "text": None,
                "is_repeated": False,
            }
        ]
    },
    "PaperAsk": _PAPER,
    "CounterLinkEndingAsk": {"person": _PAPER, "link_ids": [_LINK]},
    "CounterLinkDisputeAsk": {"card_read": _CARD_READ, "link_id": _LINK, "reason": "pressed"},
    "PasswordUnlockAsk": {"card_read": _CARD_READ},
    "IdentityAttestationAsk": {"card_read": _CARD_READ, "documents_seen": ["id_card"]},
    "IdentityAttestationRead": {"purpose": "certification", "ids": ["adee61f0-3b52-8d0e-9c77-5a1b8e2f4d31"]},
    "PasswordUnlockRead": {"left_until_reset": 15},
    "CardReadAsk": {"card_number": "D12345678", "purpose": "sharing"},
    "CardReadRead": {"card_read": _CARD_READ, "purpose": "sharing", "expires_in": 120, "name": "王**"},
    "BreakGlassAsk": {
        "name": "王小明",
        "social_security_number": "100101198703140037",
        "reason": "unconscious",
    },
    "BreakGlassRead": {
        "id": "adee0c7e-52b1-8f3a-b6a4-3d9e7f1c2a55",
        "reason": "unconscious",
        "review_due_at": "2026-11-25T05:09:33Z",
        "card": "normal",
        "person": {
            "name": "王**",
            "has_e_card": True,
            "is_suspended": False,
            "sharing": {"shares_with": 1, "shared_by": 0},
        },
    },
    "LookReviewAsk": {"finding": "justified"},
    "CounterSharingAsk": {
        "owner_card_read": _CARD_READ,
        "member_card_number": "D12345679",
        "relationship": "51",
        "notice": _SHOWN | {"code": "account-sharing"},
    },
    "CounterSharingRead": {
        "id": "adee61f0-3b52-8d0e-9c77-5a1b8e2f4d30",
        "state": "pending",
        "confirmed_by": "code",
        "relationship": "51",
        "relationship_name": "father",
        "expires_at": "2026-11-25T05:09:33Z",
    },
    "LookUpAsk": {"card_read": _CARD_READ},
    "LookUpRead": {
        "purpose": "treatment",
        "person": {
            "name": "王**",
            "has_e_card": True,
            "is_suspended": False,
            "sharing": {"shares_with": 1, "shared_by": 0},
        },
    },
    "ClaimRead": {"id": _CASE, "claimed_until": "2026-11-22T05:24:33Z"},
    "WaitingRead": _WAITING
    | {
        "region": "100101",
        "has_approved": False,
        "hold": None,
        "claimed_until": None,
    },
    "CaseRead": _WAITING
    | {
        "claimed_until": "2026-11-22T05:24:33Z",
        "member": {"name": "王**", "social_security_number": "100101********0077", "age": 9},
        "application": {
            "kind": "family_member",
            "owner": {"name": "王**", "social_security_number": "100101********0037", "age": 39},
            "relationship": "20",
            "relationship_name": "son",
            "guardianship": "by_documents",
            "seen_in_person": None,
        },
        "dispute": None,
        "certification": None,
        "register_says": {
            "is_known": True,
            "is_alive": True,
            "name_matches": True,
            "has_card_in_use": True,
            "owner_is_parent_or_guardian": False,
        },
        "face_checks": [
            {
                "mode": "photo",
                "state": "passed",
                "reason": "ok",
                "score_band": "high",
                "started_at": "2026-11-22T05:09:30Z",
            }
        ],
        "exhibits": [
            {
                "kind": "household_register",
                "page": 1,
                "name_reading": "agrees",
                "number_reading": "unread",
                "href": f"/v1/reviews/{_CASE}/exhibits/{_CHECK}?until=1795324232&signature=…",
                "expires_at": "2026-11-22T05:10:32Z",
            }
        ],
        "choices": [
            {"decision": "approve", "reason": "papers-fit", "text": "The papers fit."},
            {
                "decision": "ask_for_more",
                "reason": "photo-unsuitable",
                "text": "The photo cannot be used; please send a recent one of the face from the front, with nothing "
                "before it and not of another picture.",
            },
        ],
    },
    "InsuranceAsk": {"authority": "healthcare_security", "behaviour": "down"},
    "ClockAsk": {"advance_seconds": 3600},
    "PersonAsk": {"card_status": "lost"},
    "LevelUpgradeAsk": {
        "consent": _SHOWN | {"code": "card-payment"},
        "face_consent": _SHOWN | {"code": "face-check"},
        "way": "face",
    },
}
