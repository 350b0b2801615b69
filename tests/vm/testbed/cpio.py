# SPDX-License-Identifier: GPL-2.0-or-later
"""An uncompressed cpio archive (newc), as the kernel unpacks it into its initramfs."""

import stat


class Archive:
    def __init__(self):
        self._parts = []
        self._directories = set()
        self._inode = 0

    def _entry(self, name, mode, data):
        self._inode += 1
        encoded = name.encode() + b"\0"
        header = "070701" + "".join(f"{field:08x}" for field in (
            self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0))
        self._parts.append(_padded(header.encode() + encoded))
        self._parts.append(_padded(data))

    def directory(self, name):
        if name and name not in self._directories:
            self.directory(name.rpartition("/")[0])
            self._directories.add(name)
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, executable=False):
        self.directory(name.rpartition("/")[0])
        if isinstance(data, str):
            data = data.encode()
        self._entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data)

    def tree(self, source, name):
        """All of the directory `source`, as the directory `name`."""
        for path in sorted(source.rglob("*")):
            if path.is_file():
                self.file(f"{name}/{path.relative_to(source)}", path.read_bytes(),
                          executable=bool(path.stat().st_mode & stat.S_IXUSR))

    def bytes(self):
        self._entry("TRAILER!!!", 0, b"")
        data = b"".join(self._parts)
        # The kernel looks for the next archive at a multiple of four; cpio writes blocks of 512.
        return data + b"\0" * (-len(data) % 512)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)
