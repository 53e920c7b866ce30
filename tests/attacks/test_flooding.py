"""Whoever sends more than anybody needs gets in nobody's way."""

import asyncio
from collections import Counter
from collections.abc import Callable

from app.adapters.demo_pictures import document_photo
from app.ports.register import TestPerson
from tests.factories.phone import Phone

UPLOADS = 24


async def test_a_flood_of_files_leaves_room_for_other_peoples(
    owner: Phone, people: dict[str, TestPerson], phone: Callable[[str], Phone]
) -> None:
    other = phone(str(people["spouse"].phone))
    await other.register()
    await other.own_card(people["spouse"])
    enrolments = []
    for each in (owner, other):
        enrolments.append(await each.to_documents(people["child-9"], "20"))
        await each.consent(enrolments[-1], "identity-document")
        await each.consent(enrolments[-1], "minor-data")
    picture = document_photo(1, "document")

    flood = [
        owner.call("PUT", f"{enrolments[0]}/documents/household_register/{1 + number % 4}", picture + bytes([number]))
        for number in range(UPLOADS)
    ]
    *flooded, others = await asyncio.gather(
        *flood, other.call("PUT", f"{enrolments[1]}/documents/household_register", picture + b"other")
    )

    assert others.status_code == 200, others.text
    assert Counter(answer.status_code for answer in flooded) == {200: 4, 503: UPLOADS - 4}
    refused = next(answer for answer in flooded if answer.status_code == 503)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("images-busy", "5")
    again = await owner.call("PUT", f"{enrolments[0]}/documents/household_register", picture + b"again")
    assert again.status_code == 200
