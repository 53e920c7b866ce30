"""Gives pytest the stage that the command line names, and a test for each promise."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

import pytest

from app.kit.promises import PROMISES
from app.kit.stage import StageMaker

GROUP: Final = "escard.face_provider_stages"
_OPTION: Final = "--face-stage"


def find_stage(name: str) -> StageMaker:
    """Return the stage that an installed package offers under a name, or that `module:attribute` names.

    Raises:
        LookupError: there is none.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            maker: StageMaker = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise LookupError(f"there is no stage {name}: {error}") from error
        return maker
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise LookupError(f"no installed package offers a stage for a face provider named {name!r} ({GROUP})")
    offered: StageMaker = next(iter(found)).load()
    return offered


def run(stage: str, more: Sequence[str] = ()) -> int:
    """Run every promise on a stage; return pytest's exit code."""
    plain = ["--disable-plugin-autoload", "--noconftest", "-p", "no:cacheprovider", "-c", os.devnull]
    words = [*plain, "--pyargs", "app.kit.test_face_provider", _OPTION, stage, *more]
    return int(pytest.main(words, plugins=[sys.modules[__name__]]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the name of the stage."""
    parser.addoption(_OPTION, help="the provider's name, or module:attribute of its stage")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each promise."""
    maker = find_stage(metafunc.config.getoption(_OPTION))
    metafunc.parametrize("stage_maker", [pytest.param(maker, id="")])
    metafunc.parametrize("promise", [pytest.param(each, id=name) for name, each in PROMISES.items()])
