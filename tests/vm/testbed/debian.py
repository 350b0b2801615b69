# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages without installing them: mirror, keys, private apt, unpacking.

Everything here works as an ordinary user. apt runs on its own state directory with a
configuration that does not read the machine's: hooks and pins meant for the machine
must not act on the testbed, and the testbed must not act on the machine.
"""

import fnmatch
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from . import Failure

RELEASE = "trixie"
BACKPORTS = "trixie-backports"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def run(*command, **options) -> None:
    """Run a command whose output is progress, so it goes to stderr."""
    options.setdefault("stdout", sys.stderr)
    try:
        subprocess.run([str(word) for word in command], check=True, **options)
    except subprocess.CalledProcessError as error:
        raise Failure(f"failed with {error.returncode}: {' '.join(error.cmd)}") from None


def output(*command, **options) -> str:
    """The standard output of a command."""
    try:
        return subprocess.run([str(word) for word in command], check=True, text=True,
                              stdout=subprocess.PIPE, **options).stdout
    except subprocess.CalledProcessError as error:
        raise Failure(f"failed with {error.returncode}: {' '.join(error.cmd)}") from None


def mirror() -> str:
    """The mirror the machine itself uses: the tree names none."""
    asked = os.environ.get("EGM_DEBIAN_MIRROR")
    if asked:
        return asked
    found = output("apt-get", "indextargets", "--format", "$(REPO_URI)",
                   "Created-By: Packages", "Origin: Debian", "Label: Debian").split()
    if not found:
        raise Failure("apt knows no Debian mirror on this machine: "
                      "set EGM_DEBIAN_MIRROR to the URL of one")
    return found[0]


def keyring(workdir: Path) -> Path:
    """A keyring with the keys of RELEASE, from the distribution's own signed package.

    A keyring older than RELEASE is not forced: apt fetches the current package through the
    machine's own trust, and that package's keys are used without being installed.
    """
    if list(KEYRING.parent.glob(f"debian-archive-{RELEASE}-*")):
        return KEYRING
    fetched = workdir / "keyring"
    fetched.mkdir(parents=True)
    print("the installed debian-archive-keyring is too old, fetching the current one",
          file=sys.stderr)
    run("apt-get", "download", "debian-archive-keyring", cwd=fetched)
    for package in fetched.glob("*.deb"):
        run("dpkg-deb", "-x", package, fetched)
    newer = fetched / KEYRING.relative_to("/")
    if list(newer.parent.glob(f"debian-archive-{RELEASE}-*")):
        return newer
    raise Failure(f"no archive keys of Debian {RELEASE} here; run: "
                  "apt-get update && apt-get install debian-archive-keyring")


def machine_settings() -> list[str]:
    """What must be taken over from the machine's apt: the way to its mirror.

    That is its proxies, and whether its mirror is a snapshot (whose dates are old: then the
    machine says not to check them; signatures are checked in any case).
    """
    wanted = r'Acquire::(https?::proxy\b.*|check-(valid-until|date)) "[^"]'
    return [line for line in output("apt-config", "dump").splitlines()
            if re.match(wanted, line, re.IGNORECASE)]


def newest(versions) -> str:
    """The highest of some package versions, by dpkg's order."""
    def compare(left: str, right: str) -> int:
        if left == right:
            return 0
        less = subprocess.run(["dpkg", "--compare-versions", left, "lt", right], check=False)
        return -1 if less.returncode == 0 else 1
    return max(versions, key=functools.cmp_to_key(compare))


class Apt:
    """apt for some suites and one architecture, with nothing installed."""

    def __init__(self, workdir: Path, arch: str, *suites: str):
        self.arch = arch
        self.root = workdir / f"apt-{arch}-{'-'.join(suites)}"
        for name in ("lists/partial", "archives/partial"):
            (self.root / name).mkdir(parents=True)
        (self.root / "status").touch()
        source, keys = mirror(), keyring(workdir)
        (self.root / "sources.list").write_text(
            "".join(f"deb [signed-by={keys}] {source} {suite} main\n" for suite in suites),
            encoding="utf-8")
        (self.root / "apt.conf").write_text("\n".join([
            'Dir::Etc::Parts "/dev/null";',
            'Dir::Etc::Main "/dev/null";',
            'Dir::Etc::PreferencesParts "/dev/null";',
            'Dir::Etc::Preferences "/dev/null";',
            'Dir::Etc::SourceParts "/dev/null";',
            f'Dir::Etc::SourceList "{self.root}/sources.list";',
            f'Dir::State "{self.root}";',
            f'Dir::State::Lists "{self.root}/lists";',
            f'Dir::State::Status "{self.root}/status";',
            f'Dir::Cache "{self.root}";',
            f'Dir::Cache::Archives "{self.root}/archives";',
            f'APT::Architecture "{arch}";',
            f'APT::Architectures {{ "{arch}"; }};',
            'APT::Install-Recommends "false";',
            # The downloads belong to whoever calls, not to apt's own user.
            'APT::Sandbox::User "";',
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            'Debug::NoLocking "true";',
            *machine_settings(), ""]), encoding="utf-8")
        self.environment = dict(os.environ, APT_CONFIG=str(self.root / "apt.conf"), LC_ALL="C")
        run("apt-get", "-qq", "update", "--error-on=any", env=self.environment)

    def offers(self, pattern: str) -> dict[str, set[str]]:
        """The versions of every package whose whole name matches a regular expression."""
        names = output("apt-cache", "pkgnames", env=self.environment).split()
        wanted = sorted(name for name in names if re.fullmatch(pattern, name))
        found: dict[str, set[str]] = {}
        if wanted:
            for line in output("apt-cache", "madison", *wanted,
                               env=self.environment).splitlines():
                name, version, _ = (field.strip() for field in line.split("|"))
                found.setdefault(name, set()).add(version)
        return found

    def download(self, *packages: str) -> list[Path]:
        """The .deb files of exactly these packages (NAME or NAME=VERSION)."""
        target = self.root / "archives"
        run("apt-get", "-qq", "download", *packages, cwd=target, env=self.environment)
        return sorted(target.glob("*.deb"))

    def closure(self, *packages: str) -> list[Path]:
        """The .deb files of packages and of all that they depend on."""
        run("apt-get", "-qq", "--yes", "--download-only", "install", *packages,
            env=self.environment)
        return sorted((self.root / "archives").glob("*.deb"))


def resolve(workdir: Path, kernel) -> tuple[str, str, dict[str, Apt]]:
    """The ABI name and the version to take of a kernel, and apt for each architecture.

    One version for all architectures: a suite where one of them lags behind must not
    give two kernels under one name.
    """
    apts, offered = {}, {}
    for arch, flavour in kernel.targets().items():
        apts[arch] = Apt(workdir, arch, kernel.suite)
        found = apts[arch].offers(rf"linux-image-\d[^-]*-{re.escape(flavour)}")
        offered[arch] = {version: name.removeprefix("linux-image-").removesuffix(f"-{flavour}")
                         for name, versions in found.items() for version in versions}
    common = set.intersection(*(set(versions) for versions in offered.values()))
    matching = fnmatch.filter(common, kernel.version)
    if not matching:
        there = "; ".join(f"{arch}: {', '.join(sorted(versions)) or 'nothing'}"
                          for arch, versions in offered.items())
        raise Failure(f"kernels.txt: {kernel.name}: {kernel.suite} serves no "
                      f"{kernel.version} of flavour {','.join(kernel.flavours)}; "
                      f"it offers {there}")
    version = newest(matching)
    return offered["arm64"][version], version, apts


def describe(packages) -> dict[str, str]:
    """name:architecture -> version of .deb files, for a manifest."""
    found = {}
    for package in packages:
        name, arch, version = output("dpkg-deb", "--show", "--showformat",
                                     "${Package} ${Architecture} ${Version}",
                                     package).split()
        found[f"{name}:{arch}"] = version
    return found


def unpack(packages, target: Path) -> None:
    """Unpack .deb files without their scripts.

    Owners and special mode bits are not kept: the tree belongs to the caller, who can
    then delete it like any other. Links that merge /bin and its like into /usr are
    followed, not replaced.
    """
    target.mkdir(parents=True, exist_ok=True)
    # base-files carries those links and so has to come first.
    for package in sorted(packages, key=lambda path: not path.name.startswith("base-files_")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)],
                              stdout=subprocess.PIPE) as archive:
            run("tar", "-x", "-C", target, "--no-same-owner", "--no-same-permissions",
                "--keep-directory-symlink", stdin=archive.stdout)
        if archive.returncode:
            raise Failure(f"cannot unpack {package}")


def bootstrap(target: Path, workdir: Path, architectures, suites, packages) -> dict[str, str]:
    """An installed root as a plain directory, whose files all belong to the caller.

    mmdebstrap writes an archive that is unpacked without owners and device nodes: whoever
    runs this needs no privilege to use or delete the result, and it never holds a device.
    """
    source, keys = mirror(), keyring(workdir)
    options = [option for line in machine_settings() for option in ("--aptopt", line)]
    # Never below /tmp, which is memory on newer systems; the unshared user must reach it.
    environment = dict(os.environ, TMPDIR="/var/tmp", LC_ALL="C")
    mode = "root" if os.geteuid() == 0 else "unshare"
    # The mounts mmdebstrap makes as root must be gone with it, however it ends.
    private = ["unshare", "--mount"] if mode == "root" else []
    command = [*private, "mmdebstrap", "--quiet", f"--mode={mode}", "--variant=essential",
               f"--architectures={','.join(architectures)}",
               *(f"--dpkgopt=path-exclude=/usr/share/{name}/*"
                 for name in ("doc", "locale", "man", "info")),
               *options, f"--include={' '.join(packages)}", "--format=tar",
               suites[0], "-",
               *(f"deb [signed-by={keys}] {source} {suite} main" for suite in suites)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as archive:
        run("tar", "-x", "-C", target, "--no-same-owner", "--no-same-permissions",
            "--exclude=./dev/*", stdin=archive.stdout)
    if archive.returncode:
        raise Failure(f"mmdebstrap failed with {archive.returncode}")
    lines = output("dpkg-query", f"--admindir={target}/var/lib/dpkg", "--show", "--showformat",
                   "${Package}:${Architecture} ${Version}\n").splitlines()
    return dict(line.split() for line in lines)
