# SPDX-License-Identifier: GPL-2.0-or-later
"""kernels.txt: which kernels there are, and what each is for."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import Failure

TABLE = Path(__file__).resolve().parent.parent / "kernels.txt"
CONFIGS = TABLE.parent / "configs"
ROLES = {"build", "all", "check", "vm", "guest"}
ARCHITECTURES = ("arm64", "amd64")


@dataclass(frozen=True)
class Kernel:
    """One line of kernels.txt."""

    name: str
    suite: str
    version: str
    flavours: tuple[str, ...]
    roles: frozenset[str]
    config: tuple[str, ...] = ()
    parameters: str = ""

    def line(self) -> str:
        """What identifies the packages; roles are left out, as no entry's content has them."""
        return f"{self.name} {self.suite} {self.version} {','.join(self.flavours)}"

    def targets(self) -> dict[str, str]:
        """The flavour of each architecture."""
        return dict(zip(ARCHITECTURES, self.flavours))

    def options(self) -> str:
        """What the kernel is built with, if it is not one of Debian's."""
        paths = [CONFIGS / f"{config}.config" for config in self.config]
        for path in paths:
            if not path.exists():
                raise Failure(f"{TABLE}: {self.name}: there is no {path}")
        return "".join(path.read_text(encoding="utf-8") for path in paths)


def unmet(options: str, config: str) -> list[str]:
    """The lines of `options` that are not true of a finished configuration."""
    lines = set(config.splitlines())
    given = {line.partition("=")[0] for line in lines}
    missing = []
    for line in options.splitlines():
        off = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        # An option whose conditions do not hold is off, and not mentioned.
        if off and off[1] in given or line.startswith("CONFIG_") and line not in lines:
            missing.append(line)
    return missing


def read(path: Path = TABLE) -> list[Kernel]:
    """The table in its order, the newest kernel first."""
    kernels = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        if len(words) < 5:
            raise Failure(f"{path}:{number}: expected five columns at least, found {len(words)}")
        name, suite, version, flavours, roles, *built = words
        flavour_list, role_set = tuple(flavours.split(",")), frozenset(roles.split(","))
        if role_set - ROLES:
            raise Failure(f"{path}:{number}: unknown role {', '.join(sorted(role_set - ROLES))}")
        if len(flavour_list) > len(ARCHITECTURES):
            raise Failure(f"{path}:{number}: at most one flavour each for "
                          f"{' and '.join(ARCHITECTURES)}")
        if built and len(flavour_list) > 1:
            raise Failure(f"{path}:{number}: {name} is built, and that for arm64 only")
        if name in (kernel.name for kernel in kernels):
            raise Failure(f"{path}:{number}: {name} is there twice")
        kernels.append(Kernel(name, suite, version, flavour_list, role_set,
                              tuple(built[0].split(",")) if built else (), " ".join(built[1:])))
    if not kernels:
        raise Failure(f"{path}: no kernels")
    return kernels


def find(name: str) -> Kernel:
    """The line called NAME."""
    kernels = read()
    for kernel in kernels:
        if kernel.name == name:
            return kernel
    raise Failure(f"{TABLE}: no kernel {name}; there are "
                  f"{', '.join(kernel.name for kernel in kernels)}")
