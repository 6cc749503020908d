"""What workers need, imported once by the fork server that they come from."""

import gc
import importlib

gc.disable()  # everything made here stays
for module in (
    "samzip.archive.prepare",
    "samzip.archive.workbook",
    "samzip.archive.build",
    "samzip.dossier.life_sheet.sheet",
):
    importlib.import_module(module)
gc.freeze()  # and no worker looks for garbage among it, which would also copy the memory that they share
gc.enable()
