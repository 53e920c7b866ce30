"""The shapes of the rules that `policies` reads, and what they mean: a module for each part of the product."""

from pydantic import BaseModel, ConfigDict

from app.services.rules.access import SignIn, SmsCodes, Staff
from app.services.rules.adding import Documents, Enrolments, ImageQuality, Lookups, Reviews
from app.services.rules.cards import CardChecks, CardPasswords, CardPayment, CardStatus
from app.services.rules.channels import Channels
from app.services.rules.counter import Counters
from app.services.rules.draws import Draws
from app.services.rules.faces import FaceProviders, Faces
from app.services.rules.family import AgeRules, Ages, FamilyLife, Handovers, LinkEndings, Owners, Quota
from app.services.rules.filing import CardOrders, CardPhotos, Certifications, Rights, Transfers, Workdays
from app.services.rules.keeping import Erasure, Retention, Statements
from app.services.rules.sharing import Sharing
from app.services.rules.window import Window


class Policies(BaseModel):
    """Every rule, each a row of its own under the field's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quota: Quota
    owners: Owners
    enrolments: Enrolments
    ages: Ages
    documents: Documents
    image_quality: ImageQuality
    retention: Retention
    rights: Rights
    statements: Statements
    erasure: Erasure
    faces: Faces
    face_providers: FaceProviders
    handovers: Handovers
    family_life: FamilyLife
    link_endings: LinkEndings
    sharing: Sharing
    draws: Draws
    reviews: Reviews
    card_passwords: CardPasswords
    sms_codes: SmsCodes
    sign_in: SignIn
    staff: Staff
    lookups: Lookups
    counters: Counters
    channels: Channels
    card_status: CardStatus
    card_checks: CardChecks
    card_payment: CardPayment
    certifications: Certifications
    age_rules: AgeRules
    transfers: Transfers
    card_orders: CardOrders
    card_photos: CardPhotos
    workdays: Workdays
    window: Window
