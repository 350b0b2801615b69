# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cache holds and how each entry is made.

An entry is keyed by the text of the function that builds it, by debian.py, and by its
packages, so an edit here rebuilds exactly the entries whose function it touches.
"""

import functools
import inspect
import os
import re
import shutil
from pathlib import Path

from . import Failure, debian, kernels, machine, store
from .debian import BACKPORTS, RELEASE, Apt
from .store import Recipe

# Runs the builds and the outer QEMU. The arm64 libraries are for cross building, those of this
# machine for egmctl under sanitizers.
ROOT_BUILD = (
    "acpica-tools bc bison build-essential ccache clang clang-format clang-tidy cmake coccinelle cpio "
    "cppcheck e2fsprogs file fish flex g++-aarch64-linux-gnu gcc-14 gcc-aarch64-linux-gnu gcovr kmod "
    "libclang-rt-dev libcli11-dev libelf1 libfmt-dev libgtest-dev libpython3.13 libsmartcols-dev "
    "libudev-dev libumockdev-dev llvm make ninja-build nlohmann-json3-dev pahole perl pkgconf promtool "
    "python3 python3-jsonschema python3-pyflakes qemu-efi-aarch64 reuse shellcheck umockdev xz-utils "
    "zsh zstd "
    "libc6-dev:arm64 libfmt-dev:arm64 libgtest-dev:arm64 libsmartcols-dev:arm64 "
    "libudev-dev:arm64 "
    # The emulator of backports: the stable one lacks what the host under test needs.
    f"qemu-system-arm/{BACKPORTS} qemu-system-common/{BACKPORTS} "
    f"qemu-system-data/{BACKPORTS}").split()

# Builds the packages, looks at them, and is the clean machine that they are installed on. The arm64
# libraries are for cross building.
ROOT_PACKAGES = (
    "apparmor build-essential cmake dkms file g++-aarch64-linux-gnu kmod libcli11-dev lintian "
    "ninja-build nlohmann-json3-dev pahole pkgconf prometheus rpm scdoc systemd udev "
    "libfmt-dev libsmartcols-dev libudev-dev "
    "libc6-dev:arm64 libfmt-dev:arm64 libsmartcols-dev:arm64 libudev-dev:arm64").split()

# The suites whose DKMS has to read dkms.conf: the oldest supported one and the current one.
DKMS_SUITES = ("bookworm", RELEASE)

# The root of the host under test. It has no init: the harness brings its own.
ROOT_HOST = (
    "base-files base-passwd bash bsdextrautils coreutils diffutils dpkg e2fsprogs findutils "
    "gawk grep gzip hostname jq kmod less libfmt10 libsmartcols1 libstdc++6 libudev1 mount "
    "ncurses-base pciutils procps python3 sed strace tar udev util-linux "
    f"qemu-system-arm/{BACKPORTS} qemu-system-common/{BACKPORTS} "
    f"qemu-system-data/{BACKPORTS}").split()

# Debian's essential packages, and what scripts of others rely on before they are configured.
ESSENTIAL = (
    "base-files base-passwd bash bsdutils coreutils dash debconf debianutils diffutils dpkg findutils "
    "grep gzip hostname init-system-helpers libc-bin login mawk ncurses-base ncurses-bin perl-base sed "
    "sysvinit-utils tar util-linux").split()

# The host as somebody has installed it, with what our packages need: configured, and booted by systemd.
ROOT_FULL = (
    "apparmor apt dbus dkms driverctl gcc jq kmod libfmt10 libsmartcols1 libstdc++6 libudev1 "
    "libvirt-clients libvirt-daemon-driver-qemu libvirt-daemon-system make pciutils procps python3 "
    "systemd-sysv udev "
    f"qemu-system-arm/{BACKPORTS} qemu-system-common/{BACKPORTS} "
    f"qemu-system-data/{BACKPORTS}").split()

# Modules that a host or a guest loads, beside what these depend on.
MODULES = (
    # disks, consoles, file systems
    "virtio_pci virtio_blk virtio_console virtio_balloon ext4 overlay loop "
    # the stack below our modules, and the drivers that may hold a function instead of them
    "vfio vfio_pci vfio_pci_core vfio_iommu_type1 bochs cxl_acpi cxl_mem "
    "cxl_pci cxl_port "
    # poisoned memory
    "hwpoison_inject einj").split()

# What decides how a kernel built here comes out, of the root that it is built in. Modules are built with
# the same compiler: should a newer root have another one, kbuild says so and tests/build fails.
TOOLCHAIN = "bison flex gcc-14 gcc-aarch64-linux-gnu".split()

# Who configures the image `full`.
FULL_INIT = Path(__file__).resolve().parent.parent / "full-init"

# Of a kernel's scripts/: what judges its sources.
LINUX_LINTERS = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch", "coccinelle")


def recipe(name: str, inputs, needs: float, function, *arguments, helpers=()) -> Recipe:
    """Bind a build function below to its inputs."""
    source = "".join(inspect.getsource(code) for code in (function, *helpers, debian))
    return Recipe(name, tuple(inputs), source, needs,
                  lambda target, workdir: function(target, workdir, *arguments))


@functools.cache
def all_recipes() -> dict[str, Recipe]:
    """Every entry that this tree wants, by name."""
    root = recipe("root-build", ["amd64", "arm64", *ROOT_BUILD], 5, root_build)
    found = [
        root,
        recipe("root-packages", ["amd64", "arm64", *ROOT_PACKAGES], 5, root_packages),
        recipe("dkms", DKMS_SUITES, 0.2, dkms),
        recipe("root-host", ["arm64", *ROOT_HOST], 3, root_host, helpers=[unpacked, ext4]),
        recipe("busybox", ["arm64"], 0.2, busybox),
        recipe("sparse", ["amd64"], 0.5, sparse),
        recipe("linux-linters", [kernels.read()[0].line(), *LINUX_LINTERS], 1, linux_linters,
               kernels.read()[0]),
    ]
    for kernel in kernels.read():
        if kernel.config:
            found.append(recipe(f"kernel-{kernel.name}",
                                [kernel.line(), kernel.options(), *TOOLCHAIN, *MODULES], 8,
                                built_kernel, kernel, root, helpers=[in_root, modules]))
            continue
        boots = bool(kernel.roles & {"vm", "guest"})
        found.append(recipe(f"kernel-{kernel.name}",
                            [kernel.line(), str(boots), *MODULES], 2, kernel_entry, kernel, boots,
                            helpers=[modules]))
    by_name = {entry.name: entry for entry in found}
    runs, follows = kernels.find("debian-7.3"), kernels.find("debian-7.2")
    by_name["root-full"] = recipe(
        "root-full", ["arm64", *ESSENTIAL, *ROOT_FULL, runs.line(), follows.line(),
                      FULL_INIT.read_text(encoding="utf-8")],
        8, root_full, runs, follows, by_name, helpers=[unpacked, ext4, in_root])
    return by_name


def root_build(target: Path, workdir: Path) -> dict:
    """The installed Debian 13 root that builds everything and runs the outer QEMU."""
    return {"packages": debian.bootstrap(target, workdir, ("amd64", "arm64"),
                                         (RELEASE, BACKPORTS), ROOT_BUILD)}


def root_packages(target: Path, workdir: Path) -> dict:
    """The installed Debian 13 root in which packages are built, checked and installed."""
    packages = debian.bootstrap(target, workdir, ("amd64", "arm64"), (RELEASE,), ROOT_PACKAGES)
    # What is installed later keeps its documentation: tests look for it.
    (target / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink()
    return {"packages": packages}


def dkms(target: Path, workdir: Path) -> dict:
    """SUITE/dkms: the script itself, of each suite. The build root has what it calls."""
    found = {}
    for suite in DKMS_SUITES:
        packages = Apt(workdir, "amd64", suite).download("dkms")
        debian.unpack(packages, workdir / suite)
        (target / suite).mkdir()
        shutil.move(workdir / suite / "usr/sbin/dkms", target / suite / "dkms")
        found |= {f"{name}:{suite}": version for name, version in debian.describe(packages).items()}
    return {"packages": found}


def root_host(target: Path, workdir: Path) -> dict:
    """root.ext4: the host under test, unpacked for arm64 without running anything of it."""
    packages = Apt(workdir, "arm64", RELEASE, BACKPORTS).closure(*ROOT_HOST)
    tree = unpacked(packages, workdir)
    # What the maintainer scripts would have done and this root needs.
    (tree / "usr/bin/awk").symlink_to("gawk")
    for name in ("dev", "proc", "sys", "tmp", "run", "mnt", "root"):
        (tree / name).mkdir(exist_ok=True)
    # No journal: it is mounted read-only below an overlay.
    ext4(tree, target / "root.ext4", 32 << 20, "-O", "^has_journal")
    return {"packages": debian.describe(packages)}


def unpacked(packages, workdir: Path) -> Path:
    """A host's root with nothing configured in it."""
    tree = workdir / "tree"
    debian.unpack(packages, tree)
    for name in ("doc", "locale", "man", "info"):
        shutil.rmtree(tree / "usr/share" / name, ignore_errors=True)
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    (tree / "etc/hostname").write_text("grace\n", encoding="utf-8")
    (tree / "egm").mkdir()
    return tree


def ext4(tree: Path, image: Path, spare: int, *options: str) -> None:
    """A file system with the files of a tree, and some bytes to spare."""
    used = sum(path.lstat().st_size + 4096 for path in tree.rglob("*"))
    # Owners become root in any case.
    as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    fixed = "65676d00-0000-4000-8000-000000000001"
    debian.run(*as_root, "mke2fs", "-q", "-t", "ext4", "-m", "0", *options,
               "-L", "egm-host", "-U", fixed, "-E", f"hash_seed={fixed}", "-d", tree, image,
               f"{(used * 5 // 4 + spare) // 1024}k",
               env=dict(os.environ, E2FSPROGS_FAKE_TIME="1"))


def root_full(target: Path, workdir: Path, runs: kernels.Kernel, follows: kernels.Kernel,
              entries: dict[str, Recipe]) -> dict:
    """root.ext4: Debian as it is installed on a host, with the headers of the kernel that runs there.

    Those of another kernel are in /later, as packages. The maintainer scripts run in an emulated
    machine, which takes its time.
    """
    everything = {store.entry(entry) for entry in entries.values()}
    program, kernel = (store.provide(entries[name], everything)
                       for name in ("busybox", f"kernel-{runs.name}"))
    # Exactly those of the kernel that the cache has.
    built = store.manifest(kernel)
    apt = Apt(workdir, "arm64", RELEASE, BACKPORTS)
    tree = unpacked(apt.closure(*ESSENTIAL), workdir)
    packages = apt.closure(*ESSENTIAL, *ROOT_FULL,
                           f"linux-headers-{built['release']}={built['version']}")
    for name in ("archives", "later"):
        (tree / name).mkdir()
    for package in packages:
        shutil.copy(package, tree / "archives")
    shutil.copytree(kernel / "lib/modules", tree / "lib/modules", dirs_exist_ok=True)
    abi, version, apts = debian.resolve(workdir, follows)
    later = apts["arm64"].download(*(f"linux-{name}={version}" for name in (
        f"headers-{abi}-{follows.flavours[0]}", f"headers-{abi}-common", f"kbuild-{abi}")))
    for package in later:
        shutil.copy(package, tree / "later")
    image = target / "root.ext4"
    ext4(tree, image, 3 << 30)

    (workdir / "initrd").write_bytes(machine.initramfs(program / "busybox", FULL_INIT, kernel))
    shutil.copy(kernel / "vmlinuz", workdir)
    console = workdir / "console.log"
    in_root(entries["root-build"], [(workdir, "/mnt"), (target, "/media")],
            "timeout", "--signal=KILL", "7200",
            "qemu-system-aarch64", "-nodefaults", "-display", "none", "-no-reboot",
            "-M", "virt,gic-version=3", "-cpu", "neoverse-n1", "-smp", "2", "-m", "3G",
            "-kernel", "/mnt/vmlinuz", "-initrd", "/mnt/initrd",
            "-append", "console=ttyAMA0 panic=-1", "-serial", "file:/mnt/console.log",
            "-drive", "if=none,id=root,format=raw,cache=unsafe,discard=unmap,"
                      "file=/media/root.ext4",
            "-device", "virtio-blk-pci,drive=root")
    said = console.read_text(encoding="utf-8", errors="replace")
    if "\nfull: ok" not in said:
        raise Failure(f"{said[-4000:]}\nthe image was not configured")
    return {"packages": debian.describe([*packages, *later])}


def busybox(target: Path, workdir: Path) -> dict:
    """busybox: one static arm64 program, the user space of an initramfs."""
    packages = Apt(workdir, "arm64", RELEASE).download("busybox-static")
    debian.unpack(packages, workdir / "tree")
    shutil.move(workdir / "tree/usr/bin/busybox", target / "busybox")
    return {"packages": debian.describe(packages)}


def sparse(target: Path, workdir: Path) -> dict:
    """A sparse that parses the newest kernels: the release's own cannot.

    It is only unpacked, and must be content with the build root's libraries; `path` of this
    entry does not promise that, the lint test that plants a fault does.
    """
    packages = Apt(workdir, "amd64", "sid").download("sparse")
    debian.unpack(packages, workdir / "tree")
    shutil.move(workdir / "tree/usr/bin/sparse", target / "sparse")
    return {"packages": debian.describe(packages)}


def linux_linters(target: Path, workdir: Path, kernel: kernels.Kernel) -> dict:
    """checkpatch.pl with its word lists, and the scripts for coccinelle, of the newest kernel's source."""
    _, version, apts = debian.resolve(workdir, kernel)
    series = re.match(r"\d+\.\d+", version).group()
    packages = apts["arm64"].download(f"linux-source-{series}={version}")
    debian.unpack(packages, workdir / "source")
    archive, = (workdir / "source/usr/src").glob("*.tar.xz")
    debian.run("tar", "-xf", archive, "-C", target, "--strip-components=2", "--no-same-owner",
               *(f"linux-source-{series}/scripts/{name}" for name in LINUX_LINTERS))
    return {"packages": debian.describe(packages)}


def kernel_entry(target: Path, workdir: Path, kernel: kernels.Kernel, boots: bool) -> dict:
    """One kernel: headers for every architecture, and what boots of it for arm64.

    Both in one entry, so that modules are always built against the kernel that loads them.

        usr/src/linux-*       headers and the build tools for amd64
        vmlinuz               the arm64 image
        lib/modules/RELEASE   the modules a host or guest needs, uncompressed
        release               the kernel release of arm64
    """
    abi, version, apts = debian.resolve(workdir, kernel)
    release = f"{abi}-{kernel.flavours[0]}"
    names = {arch: [f"linux-headers-{abi}-{flavour}"]
             for arch, flavour in kernel.targets().items()}
    names["arm64"].append(f"linux-headers-{abi}-common")
    if kernel.flavours[0].startswith("rt-"):
        # Until its patches were merged, that had sources of its own.
        names["arm64"] += apts["arm64"].offers(rf"linux-headers-{re.escape(abi)}-common-rt")
    if boots:
        # One package up to some version, several after it.
        names["arm64"] += apts["arm64"].offers(
            rf"linux-(image|binary|modules|base)-{re.escape(release)}")
    names["amd64"] = names.get("amd64", []) + [f"linux-kbuild-{abi}"]
    if "amd64" not in apts:
        apts["amd64"] = Apt(workdir, "amd64", kernel.suite)
    packages = [path for arch, wanted in names.items() for path in
                apts[arch].download(*(f"{name}={version}" for name in wanted))]
    tree = workdir / "tree"
    debian.unpack(packages, tree)

    # The tools move beside the headers: then an entry is bound into the build root by one
    # directory, and the links that lead to them are made again.
    sources = target / "usr/src"
    shutil.move(tree / "usr/src", sources)
    kbuild = f"linux-kbuild-{abi}"
    (sources / kbuild).unlink(missing_ok=True)
    shutil.move(tree / "usr/lib" / kbuild, sources / kbuild)
    for link in [path for path in sources.glob("*/*") if path.is_symlink()]:
        place = os.readlink(link)
        if kbuild in place:
            link.unlink()
            link.symlink_to(f"../{kbuild}{place.partition(kbuild)[2]}")

    (target / "release").write_text(release + "\n", encoding="utf-8")
    if boots:
        # Newer packages have the image beside the modules.
        usual = tree / f"boot/vmlinuz-{release}"
        beside = tree / f"usr/lib/modules/{release}/vmlinuz"
        shutil.move(usual if usual.exists() else beside, target / "vmlinuz")
        modules(tree, target, release)
    return {"release": release, "version": version, "abi": abi,
            "packages": debian.describe(packages)}


def built_kernel(target: Path, workdir: Path, kernel: kernels.Kernel, root: Recipe) -> dict:
    """A kernel built from source, laid out as kernel_entry does; the headers are pruned trees.

    The build happens under the names that these have wherever modules are built, as the build
    tree has them in it.
    """
    _, version, apts = debian.resolve(workdir, kernel)
    upstream = re.match(r"\d+(\.\d+)+", version).group()
    series = ".".join(upstream.split(".")[:2])
    packages = apts["arm64"].download(f"linux-source-{series}={version}")
    debian.unpack(packages, workdir / "package")
    archive, = (workdir / "package/usr/src").glob("*.tar.xz")
    release = f"{upstream}-{kernel.name}"
    places = {f"linux-headers-{release}-common": workdir / "source",
              f"linux-headers-{release}": workdir / "build"}
    for place in (*places.values(), workdir / "image"):
        place.mkdir()
    debian.run("tar", "-xf", archive, "-C", workdir / "source", "--strip-components=1",
               "--no-same-owner")

    options = kernel.options() + f'CONFIG_LOCALVERSION="-{kernel.name}"\n'
    (workdir / "image/options").write_text(options, encoding="utf-8")
    common, headers = (f"/usr/src/{name}" for name in places)
    binds = [(place, f"/usr/src/{name}") for name, place in places.items()]
    binds.append((workdir / "image", "/mnt"))

    def make(*words: str) -> None:
        in_root(root, binds, "make", "-s", "-C", common, f"O={headers}", "ARCH=arm64",
                "CROSS_COMPILE=aarch64-linux-gnu-", f"-j{os.cpu_count()}", *words)

    make("KCONFIG_ALLCONFIG=/mnt/options", "allnoconfig")
    missing = kernels.unmet(options, (workdir / "build/.config").read_text(encoding="utf-8"))
    if missing:
        raise Failure(f"{', '.join(kernel.config)}: not in the finished configuration of {release}:\n"
                      + "\n".join(missing))
    make("Image", "modules")
    make("INSTALL_MOD_PATH=/mnt", "modules_install")
    found = (workdir / "build/include/config/kernel.release").read_text(encoding="utf-8").strip()
    if found != release:
        raise Failure(f"{kernel.name}: expected release {release}, got {found}")

    # What a build of modules reads: what Debian's headers have, too.
    waste = shutil.ignore_patterns("*.o", "*.a", ".*.cmd", "*.c.dep", "dtc")
    for name, parts in (
            (f"linux-headers-{release}-common",
             ("Makefile", "arch/arm64/Makefile", "arch/arm64/include", "include", "scripts",
              "tools/include")),
            (f"linux-headers-{release}",
             (".config", "Makefile", "Module.symvers", "arch/arm64/include", "include",
              "scripts"))):
        for part in parts:
            source, copy = places[name] / part, target / "usr/src" / name / part
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True, ignore=waste)
            else:
                shutil.copy(source, copy)
    (target / "release").write_text(release + "\n", encoding="utf-8")
    shutil.move(workdir / "build/arch/arm64/boot/Image", target / "vmlinuz")
    modules(workdir / "image", target, release)
    return {"release": release, "version": version, "abi": upstream,
            "packages": debian.describe(packages)}


def in_root(root: Recipe, binds, *command) -> None:
    """Run a command in the build root, with (directory, place in there) bound to be written to."""
    everything = {store.entry(entry) for entry in all_recipes().values()}
    path = store.provide(root, everything)
    with store.in_use(path):
        debian.run("bwrap", "--unshare-user-try", "--unshare-pid", "--unshare-ipc",
                   "--unshare-net", "--die-with-parent",
                   "--ro-bind", path / "usr", "/usr", "--tmpfs", "/usr/src",
                   "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
                   "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
                   "--ro-bind", path / "etc", "/etc",
                   "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                   *(word for place, name in binds for word in ("--bind", place, name)),
                   "--clearenv", "--setenv", "PATH", "/usr/bin:/usr/sbin",
                   "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8",
                   # Whoever builds it, and when, shall not be in it.
                   "--setenv", "KBUILD_BUILD_USER", "egm", "--setenv", "KBUILD_BUILD_HOST", "egm",
                   "--setenv", "KBUILD_BUILD_TIMESTAMP", "2000-01-01", "--", *command)


def modules(image: Path, target: Path, release: str) -> None:
    """Copy MODULES and what they depend on, and index them anew."""
    # Before the merge of /lib into /usr, packages had them in /lib.
    prefix = "usr" if (image / "usr/lib/modules" / release).exists() else ""
    source = image / prefix / "lib/modules" / release
    result = target / "lib/modules" / release
    result.mkdir(parents=True)
    debian.run("depmod", "--basedir", image / prefix, release)

    def plain(path: str) -> str:
        return re.sub(r"\.ko(\.\w+)?$", "", path.rpartition("/")[2]).replace("-", "_")

    needs = {}
    for line in (source / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _, others = line.partition(":")
        needs[plain(path)] = [path, *others.split()]
    builtin = {plain(path) for path in
               (source / "modules.builtin").read_text(encoding="utf-8").split()}
    missing = [name for name in MODULES if name not in needs and name not in builtin]
    if missing:
        raise Failure(f"{release} has no module {', '.join(missing)}")
    # What a module asks the kernel for while it runs: up to 6.12, ext4 for its checksum.
    providers: dict[str, list[str]] = {}
    for line in (source / "modules.alias").read_text(encoding="utf-8").splitlines():
        _, alias, name = line.rsplit(" ", 2)
        providers.setdefault(alias, []).append(name)
    wanted = {path for name in MODULES for path in needs.get(name, [])}
    for line in (source / "modules.softdep").read_text(encoding="utf-8").splitlines():
        keyword, name, *others = line.split()
        if keyword == "softdep" and needs[plain(name)][0] in wanted:
            wanted |= {path for other in others for provider in providers.get(other, [])
                       for path in needs[plain(provider)]}
    for path in wanted:
        copy = result / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, copy)
        # Every loader reads plain files, also the one of busybox.
        for suffix, tool in ((".xz", "unxz"), (".zst", "unzstd")):
            if path.endswith(suffix):
                debian.run(tool, *(("-q", "--rm") if suffix == ".zst" else ()), copy)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(source / name, result / name)
    debian.run("depmod", "--basedir", target, release)
