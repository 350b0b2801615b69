# SPDX-License-Identifier: GPL-2.0-or-later
"""What this tree builds, for the machine under test. Travels as a cpio beside the initramfs:

  /egm/bin       egmctl, programs of tests/e2e, busybox
  /egm/modules   our modules, those for tests too
  /egm/suites    *.sh of tests/e2e, tests/bench and tests/installed, each named as its suite
  /egm/lib       shell helpers
  /egm/bench     tests/bench
  /egm/packages  Debian packages, for a host that has Debian installed
"""

import subprocess

from . import Failure
from .cpio import Archive


def build(enter, headers, programs, packages, coverage, log):
    """Builds, in the root of the build machine, what changed. `headers`: the kernel's, in there;
    `programs`: the target with those that the suite calls; `packages`: Debian packages instead;
    `coverage`: modules count what they execute."""
    steps = [
        ["cmake", "-S", "/src", "-B", "/build/arm64", "-G", "Ninja",
         "-DCMAKE_TOOLCHAIN_FILE=/src/tests/vm/aarch64.cmake", "-DCMAKE_BUILD_TYPE=Release",
         "-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_UNITY_BUILD=ON",
         f"-DKERNEL_DIR={headers}", "-DARCH=arm64", "-DCROSS_COMPILE=aarch64-linux-gnu-",
         # KCOV: of kernels that have it, which is for who fuzzes.
         "-DKBUILD_ARGS=EGM_TESTS=1;KCOV_INSTRUMENT=y" + (";GCOV_PROFILE=y" if coverage else "")],
        ["cmake", "--build", "/build/arm64", "--target", "egmctl", "modules",
         *([] if packages else [programs])],
    ]
    if packages:
        steps += [["rm", "-rf", "/build/arm64/packages"],
                  ["cpack", "-G", "DEB", "--config", "/build/arm64/CPackConfig.cmake",
                   "-B", "/build/arm64/packages"]]
    with log.open("w") as output:
        for step in steps:
            if subprocess.run(enter + step, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT).returncode:
                raise Failure(log.read_text() + f"the build failed: {' '.join(step)}")


def archive(checkout, build_directory, release, busybox):
    """The archive of the payload, open for more."""
    payload = Archive()
    tree = build_directory / "arm64"
    for program in [tree / "egmctl" / "egmctl", busybox]:
        payload.file(f"egm/bin/{program.name}", program.read_bytes(), executable=True)
    payload.tree(tree / "payload", "egm")
    for module in sorted((tree / "kmod" / f"{release}-arm64").rglob("*.ko")):
        payload.file(f"egm/modules/{module.name}", module.read_bytes())
    for suite in _suite_paths(checkout):
        payload.file(f"egm/suites/{suite.stem}", suite.read_bytes(), executable=True)
    payload.tree(checkout / "tests" / "e2e" / "lib", "egm/lib")
    payload.tree(checkout / "tests" / "bench", "egm/bench")
    for package in sorted((tree / "packages").glob("*.deb")):
        payload.file(f"egm/packages/{package.name}", package.read_bytes())
    return payload


def suites(checkout):
    """Names of all suites."""
    return [path.stem for path in _suite_paths(checkout)]


def programs(checkout, suite):
    """The target with the programs that a suite calls; those of the benchmark are built soon."""
    return "measure" if (checkout / "tests" / "bench" / f"{suite}.sh").exists() else "e2e"


def _suite_paths(checkout):
    tests = checkout / "tests"
    return sorted((path for name in ("e2e", "bench", "installed") for path in
                   tests.glob(f"{name}/*.sh")), key=lambda path: path.stem)
