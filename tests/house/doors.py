"""The import contract of a door: who alone may import a module, whether or not anybody does yet."""

from __future__ import annotations

import grimp
from importlinter import ContractCheck
from importlinter.contracts.protected import ProtectedContract


class Door(ProtectedContract):
    """A protected contract that does not stumble over what is not there.

    import-linter's own type gives up on a module that nobody imports (`"dask" not present in the
    graph`) and on a room that is not built yet. Nobody coming through is a well-kept door.
    """

    type_name = "door"

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - the base class has it so
        for field in ("protected_modules", "allowed_importers"):
            present = [name for name in getattr(self, field) if name.expression in graph.modules]
            setattr(self, field, present)
        return super().check(graph, verbose)
