"""A window without a connection: signs deeds into a file and replays them later, as docs/counter.md tells."""

import argparse
import base64
import hashlib
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

JSON = dict[str, Any]
PATH = "/v1/counter/offline-deeds"


def signed(name: str, key: Ed25519PrivateKey, deed: JSON, now: float) -> JSON:
    """Return a deed as it is kept: the body to the letter, and the headers that sign it (RFC 9421)."""
    body = json.dumps(deed, ensure_ascii=False)
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}:"
    covered = '("@method" "@path" "content-digest")'
    params = f'{covered};created={int(now)};keyid="{name}";nonce="{secrets.token_urlsafe(18)}"'
    lines = ['"@method": POST', f'"@path": {PATH}', f'"content-digest": {digest}', f'"@signature-params": {params}']
    signature = base64.b64encode(key.sign("\n".join(lines).encode())).decode()
    return {
        "body": body,
        "content_digest": digest,
        "signature_input": f"sig={params}",
        "signature": f"sig=:{signature}:",
    }


def add(queue: Path, name: str, key: Ed25519PrivateKey, deed: JSON) -> int:
    """Sign a deed under the next number and keep it; a number is written down before it is used, and never again.

    The time of the last one is kept beside it: where the clock was set back, the next deed is no earlier.
    """
    counter = queue.with_suffix(".number")
    number, last = map(int, counter.read_text().split()) if counter.exists() else (0, 0)
    number, now = number + 1, max(int(time.time()), last)
    counter.write_text(f"{number} {now}")
    with queue.open("a") as file:
        file.write(json.dumps(signed(name, key, {"number": number, **deed}, now)) + "\n")
    return number


def replay(queue: Path, server: str, token: str, language: str) -> list[JSON]:
    """Send what is kept, and keep what is to be sent again: all of it, when the answer is lost."""
    deeds = [json.loads(line) for line in queue.read_text().splitlines()]
    body = json.dumps({"deeds": deeds[:100]}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Accept-Language": language}
    request = urllib.request.Request(server + PATH, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        items: list[JSON] = json.load(answer)["items"]
    left = [deeds[item["index"]] for item in items if item["status"] == "later"] + deeds[100:]
    queue.write_text("".join(json.dumps(deed) + "\n" for deed in left))
    return items


def main() -> None:
    """Do what the command line says: `add` reads a deed from standard input, `replay` the operator's token."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=("add", "replay"))
    parser.add_argument("--queue", type=Path, required=True)
    parser.add_argument("--server", help="where to: needed to replay")
    parser.add_argument("--language", default="en", choices=("en", "es", "zh-CN"), help="of what is answered")
    parser.add_argument("--name", help="what the terminal is registered as")
    parser.add_argument("--key", type=Path, help="its private key: PEM, Ed25519")
    asked = parser.parse_args()
    if asked.do == "replay":
        if asked.server is None:
            parser.error("replay needs --server")
        done = replay(asked.queue, asked.server, sys.stdin.readline().strip(), asked.language)
        print(json.dumps(done, ensure_ascii=False))
        return
    if asked.name is None or asked.key is None:
        parser.error("add needs --name and --key")
    key = load_pem_private_key(asked.key.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    print(add(asked.queue, asked.name, key, json.load(sys.stdin)))


if __name__ == "__main__":
    main()
