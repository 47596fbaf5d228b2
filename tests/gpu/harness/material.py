"""The kept files of all checks, in a few archives: many small files are hard to bring back."""

import tarfile
from pathlib import Path

PART_BYTES = 15 << 20
MOST_PARTS = 4


class Material:
    """Appends to `material-N.tar`; each archive is complete after every file."""

    def __init__(self, folder, part_bytes=PART_BYTES, most_parts=MOST_PARTS):
        self.folder = Path(folder)
        self.part_bytes = part_bytes
        self.most_parts = most_parts
        self.part = 1
        self.used = 0

    def add(self, path, name):
        """Returns False when there is no room left."""
        # A header of 512 bytes, and padding of the file and of the archive.
        size = Path(path).stat().st_size + 2048 + 10240
        if self.used and self.used + size > self.part_bytes:
            self.part, self.used = self.part + 1, 0
        if self.part > self.most_parts:
            return False
        with tarfile.open(self.folder / f"material-{self.part}.tar", "a") as archive:
            archive.add(path, arcname=name, recursive=False)
        self.used += size
        return True
