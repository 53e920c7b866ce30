"""The photo of a card order takes a consent before it is sent."""

from app.core.db import Database, bucket_of
from tests.card_orders.playing import Ordering
from tests.factories.make import Make


async def test_without_a_consent_no_photo_is_taken_and_the_order_leads_to_it(make: Make) -> None:
    ordering = Ordering(await make.owner())
    order = await ordering.draft(address="100101 Lane 5, No. 8")
    here = f"{ordering.path}/{order['id']}/photo-consent"

    answer = await ordering.send(order["id"])

    assert (answer.status_code, answer.json()["code"]) == (409, "card-photo-consent-needed")
    assert (answer.json()["next"]["href"], answer.json()["next"]["notice"]) == (here, "/v1/notices/card-photo")
    assert [(each["step"], each["href"]) for each in order["next"]][:1] == [("consent", here)]


async def test_taken_back_where_the_list_says_the_photo_goes_and_the_draft_asks_again(make: Make, db: Database) -> None:
    me = await make.owner()
    ordering = Ordering(me)
    order_id = await ordering.ready(address="100101 Lane 5, No. 8")
    (given,) = (await me.read("/v1/consents"))["items"]

    assert (given["code"], given["withdrawal"]["what"]) == ("card-photo", "deletes_card_photo")
    assert (await me.call("DELETE", given["withdrawal"]["href"])).status_code == 204

    assert [each["step"] for each in (await ordering.read(order_id))["next"]] == ["consent", "withdraw"]
    rows = await db.fetch("SELECT state FROM card_photo WHERE bucket = $1", bucket_of(me.id))
    assert "stored" not in {row["state"] for row in rows}
