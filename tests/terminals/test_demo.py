"""The demo's terminal: the same at each start, told in development alone, and heard as every other."""

from dataclasses import replace

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app import main
from app.core.settings import Environment
from app.routers.deps import House
from app.services.operators import demo as operators
from app.services.terminals import demo, registering
from tests.factories.adding import ok, refused
from tests.factories.make import Make
from tests.factories.showing import show
from tests.factories.staff import Hire
from tests.factories.terminals import Terminal


async def test_a_code_held_before_it_is_read_once(
    make: Make, hire: Hire, house: House, client: httpx.AsyncClient
) -> None:
    await hire.office(demo.OFFICE)
    await hire.office(operators.HOSPITAL.id)
    for _ in range(2):
        await demo.put(house.db, house.ports.keys)
    me = await make.owner(name="王志远")
    scan = {"code": await show(me)}

    seen = ok(await client.post("/dev/scans", json=scan))

    assert (seen["holder"]["name"], seen["shown_by"]) == ("王**", "holder")
    refused(await client.post("/dev/scans", json=scan), 409, "code-used")
    refused(await client.post("/dev/scans", json={"code": "x"}), 422, "code-not-valid")


async def test_its_key_is_told_to_whoever_wants_to_play_with_it(
    make: Make, hire: Hire, house: House, client: httpx.AsyncClient
) -> None:
    await hire.office(demo.OFFICE)
    await hire.office(operators.HOSPITAL.id)
    await demo.put(house.db, house.ports.keys)
    told, *_ = ok(await client.get("/dev/terminals"))["items"]
    key = load_pem_private_key(told["private_key"].encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    me = await make.owner()

    ok(await Terminal(client, house, told["name"], key).redeem(await show(me)))


async def test_one_that_was_removed_stays_so(make: Make, hire: Hire, house: House, client: httpx.AsyncClient) -> None:
    await hire.office(demo.OFFICE)
    await hire.office(operators.HOSPITAL.id)
    await demo.put(house.db, house.ports.keys)
    await house.db.run(lambda session: registering.remove(session, demo.NAME))

    await demo.put(house.db, house.ports.keys)

    me = await make.owner()
    refused(await client.post("/dev/scans", json={"code": await show(me)}), 401, "terminal-not-known")


async def test_production_has_none(house: House) -> None:
    settings = house.settings.model_copy(update={"environment": Environment.PRODUCTION})
    production = main.create_app(replace(house, settings=settings, sandbox=None))

    transport = httpx.ASGITransport(production)
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        refused(await client.get("/dev/terminals"), 404, "not-found")
        refused(await client.post("/dev/scans", json={"code": "x"}), 404, "not-found")
