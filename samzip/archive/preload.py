"""What workers need, imported once by the fork server that they come from."""

import gc
import importlib

gc.disable()  # everything made here stays
for module in (
    "samzip.archive.prepare",
    "samzip.archive.workbook",
    "samzip.archive.build",
    "samzip.dossier.life_sheet.sheet",
    "samzip.storage.local",
    "concurrent.futures.thread",  # what the others import when they first use it
    "encodings.cp437",
    "encodings.utf_8_sig",
    "openpyxl.packaging.extended",
):
    importlib.import_module(module)
importlib.import_module("PIL.Image").preinit()  # its readers of the usual kinds of pictures
gc.freeze()  # and no worker looks for garbage among it, which would also copy the memory that they share
gc.enable()
