"""Brings what is kept under the keys that are written now, table by table, while people are served.

    begin     a row for each table that a job has to go through
    step      somebody takes a part for some seconds, goes through some of its rows, and writes down how far
    uses      before a key is dropped: what in the database needs it still

A row is changed only if it is as it was read, and a part moves on only for who has taken it: so any number of workers
do the same work once, and one that is killed leaves nothing but some seconds' wait.
"""

from app.services.rekeying.parts import Progress, progress
from app.services.rekeying.proving import NotYet, require_unused
from app.services.rekeying.tools import Tools
from app.services.rekeying.working import begin, is_finished, step

__all__ = ["NotYet", "Progress", "Tools", "begin", "is_finished", "progress", "require_unused", "step"]
