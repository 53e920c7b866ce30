"""Ctrl-C and SIGTERM reach a command wherever it is; what swallows an exception swallows no wish to stop."""

import subprocess
import sys

import pytest

from tests.adapters.embedded import ROOT

LISTENING = """
import asyncio, signal, weakref
from app.cli import stopping

def ask():
    signal.raise_signal(signal.{signal})

stopping.listen()
"""
IN_A_CALLBACK = """
class Something:
    def __del__(self):
        ask()

Something()
print("went on")
stopping.heed()
print("went on for ever")
"""
IN_A_LOOP = """
async def work():
    try:
        ask()
        await asyncio.sleep(30)
    finally:
        print("put away")

asyncio.run(work())
print("went on for ever")
"""
IN_A_LOOP_THAT_LISTENS_TO_NOBODY = """
async def work():
    ask()
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        print("went on")

asyncio.run(work())
print("went on for ever")
"""
AT_A_LOOPS_END = """
async def work():
    ask()

asyncio.run(work())
stopping.heed()
print("went on for ever")
"""
MEANING_SOMETHING_ELSE = """
async def work():
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    with stopping.meaning(lambda *_: loop.call_soon_threadsafe(done.set)):
        ask()
        await done.wait()
        print("drained")

asyncio.run(work())
stopping.heed()
print("stopped")
ask()
print("went on for ever")
"""
BEFORE_IT_MEANT_SOMETHING_ELSE = """
async def work():
    ask()
    with stopping.meaning(lambda *_: None):
        await asyncio.sleep(30)

asyncio.run(work())
"""


def play(script: str, signal: str) -> tuple[int, str, str]:
    """Run a script that listens, and return how it ended, what it said and what it complained of."""
    done = subprocess.run(
        [sys.executable, "-c", LISTENING.format(signal=signal) + script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (IN_A_CALLBACK, "went on\n"),
        (IN_A_LOOP, "put away\n"),
        (IN_A_LOOP_THAT_LISTENS_TO_NOBODY, "went on\n"),
        (AT_A_LOOPS_END, ""),
        (MEANING_SOMETHING_ELSE, "drained\nstopped\n"),
        (BEFORE_IT_MEANT_SOMETHING_ELSE, ""),
    ],
    ids=["callback", "loop", "deaf-loop", "end-of-loop", "meaning", "before-meaning"],
)
def test_a_signal_is_never_lost(script: str, said: str, signal: str, status: int) -> None:
    assert play(script, signal) == (status, said, "")


def test_other_faults_in_a_callback_are_reported() -> None:
    status, _, complained = play(IN_A_CALLBACK.replace("ask()", "None.nothing", 1), "SIGINT")

    assert status == 0
    assert "AttributeError" in complained
