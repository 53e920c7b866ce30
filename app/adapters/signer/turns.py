"""Lets what strangers have us check wait apart from what we sign ourselves: a flood of theirs leaves room for ours."""

from app.ports.signer import USER_ID, PublicKey, Signer, SignerUnavailable, Verifier


class FewAtOnce(Verifier):
    """Checks by a signer, so many at a time; who comes then is turned away and may come again."""

    def __init__(self, signer: Signer, *, most: int = 20) -> None:
        self._signer = signer
        self._free = most

    async def verify(self, key: PublicKey, message: bytes, signature: bytes, *, user_id: bytes = USER_ID) -> bool:
        if self._free == 0:
            raise SignerUnavailable(retry_after_seconds=1)
        self._free -= 1
        try:
            return await self._signer.verify(key, message, signature, user_id=user_id)
        finally:
            self._free += 1
