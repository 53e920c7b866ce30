"""What the product asks of the outside world; adapters answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.core.clock import Clock
from app.ports.card_orders import CardOrders
from app.ports.certifications import Certifications
from app.ports.channel_identity import ChannelIdentity
from app.ports.face import FaceProvider, FrameFaceProvider
from app.ports.hooks import Hooks
from app.ports.images import Images
from app.ports.insurance import Authority, InsuranceRecords
from app.ports.keys import Keys
from app.ports.medical_funds import MedicalFunds
from app.ports.messages import Inbox, Messages
from app.ports.papers import Papers
from app.ports.push import Push
from app.ports.reader import DocumentReader
from app.ports.register import PersonChange, Register, RegisterEvents, TestPerson
from app.ports.signer import Signer, Verifier
from app.ports.storage import ObjectStore
from app.ports.transfers import Transfers


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside that a server is joined to; the face providers by their names, in the order of the setting.

    The platforms of mini programs stand by their names, too.

    Without a `reader` nothing is read on documents but by people, and without a `presorter` no faces are compared for
    them. Without `push` no app shows a notification by itself, and without a `signer` nothing is signed by
    SM2; what channels have signed by it is checked by the `verifier`, which leaves the signer room for its own.
    """

    clock: Clock
    keys: Keys
    messages: Messages
    push: Push | None
    hooks: Hooks
    signer: Signer | None
    verifier: Verifier | None
    register: Register
    register_events: RegisterEvents | None
    certifications: Certifications
    images: Images
    papers: Papers
    insurance: Mapping[Authority, InsuranceRecords]
    store: ObjectStore
    faces: Mapping[str, FaceProvider]
    reader: DocumentReader | None
    presorter: FrameFaceProvider | None
    transfers: Transfers
    card_orders: CardOrders
    medical_funds: MedicalFunds
    channel_identities: Mapping[str, ChannelIdentity]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What development has besides: readable messages, the test people, and a clock that can be moved forward.

    `change_person` changes what the register holds of a test person, by their label, and says whether there is one.
    `picture` draws a JPEG to upload for a test person: of whom (a label), what it shows (a kind of document), and the
    comment in it, if any. `scenarios` are what such a comment can ask the sandbox's face provider for.
    `behave` lets an insurance authority of the demo behave in some way, and says whether it is one of the demo's.
    """

    inbox: Inbox
    people: Callable[[], Awaitable[Sequence[TestPerson]]]
    change_person: Callable[[str, PersonChange], Awaitable[bool]]
    move_clock: Callable[[timedelta], Awaitable[None]]
    picture: Callable[[str, str, str | None], bytes]
    scenarios: frozenset[str]
    behave: Callable[[Authority, str], bool]
