#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness judged: every way a run may end has its own verdict, and no fault passes."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

from testbed import acpi, host, machine  # noqa: E402 (no cache of bytecode in the source tree)

BOOT = "[    1.0] WARNING: noise of the stock kernel\n[    2.0] Run /init as init process\n"
MARK = "[    3.0] egm: first insmod\n"


class Verdict(unittest.TestCase):
    def check(self, code, words, console=BOOT + MARK, status="exit 0\n", in_time=True):
        got, message = machine.verdict(console, status, in_time)
        self.assertEqual((got, words in message), (code, True), message)

    def test_passes(self):
        self.check(0, "passed")
        self.check(77, "skipped", status="exit 77\n")

    def test_suite_fails(self):
        self.check(1, "exit status 3", status="exit 3\n")

    def test_silence_is_failure(self):
        self.check(1, "without an answer", status="")
        self.check(1, "without an answer", status="exit")
        self.check(1, "hang: no answer", status="", in_time=False)

    def test_answer_before_a_hang_does_not_count(self):
        self.check(1, "hang", in_time=False)

    def test_refusal(self):
        self.check(1, "not hidden", status="refused: GPU is not hidden: System RAM\n")
        self.check(1, "no root image", status="init: no root image\n")

    def test_panic(self):
        panic = "[    9.0] Kernel panic - not syncing: kernel: panic_on_warn set ...\n"
        warn = "[    8.0] WARNING: CPU: 0 PID: 1 at kmod/x.c:1\n"
        self.check(1, "WARNING: CPU: 0", console=BOOT + MARK + warn + panic)
        self.check(1, "panic_on_warn", console=BOOT + panic, status="")

    def test_complaints_after_the_first_insmod(self):
        for line in ("WARNING: CPU: 0 PID: 7 at mm/x.c:3 f+0x1/0x2",
                     "BUG: sleeping function called from invalid context",
                     "Internal error: Oops: 0000000096000004 [#1] SMP",
                     "Call trace:",
                     "Unable to handle kernel NULL pointer dereference",
                     "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                     "rcu: INFO: rcu_sched self-detected stall on CPU",
                     "watchdog: soft lockup - CPU#1 stuck for 22s!",
                     "INFO: task cat:12 blocked for more than 60 seconds.",
                     "WARNING: possible circular locking dependency detected",
                     "WARNING: possible recursive locking detected"):
            self.check(1, line[:20], console=f"{BOOT}{MARK}[    4.0] {line}\n")

    def test_noise_of_a_second_boot(self):
        start = "[    0.0] Booting Linux on physical CPU 0x0000000000 [0x000f0510]\n"
        twice = start + BOOT + MARK + start + BOOT + MARK
        self.check(0, "passed", console=twice)
        self.check(1, "BUG: x", console=twice + "[    4.0] BUG: x\n")
        self.check(1, "BUG: x", console=start + BOOT + MARK + "[    4.0] BUG: x\n" + start + BOOT)

    def test_races_of_others_are_not_ours(self):
        line = "[    5.0] " + "=" * 66 + "\n"
        header = line + "[    5.0] BUG: KCSAN: data-race in zap / fill\n"
        foreign = header + "[    5.0]  zap+0x10/0x20\n[    5.0]  exit_mm+0x10/0x20\n" + line
        ours = header + "[    5.0]  zap+0x10/0x20\n[    5.0]  close+0x10/0x20 [nvgrace_egm]\n" + line
        self.check(0, "passed", console=BOOT + MARK + foreign + foreign)
        self.check(1, "KCSAN", console=BOOT + MARK + foreign + ours + foreign)
        self.check(1, "KCSAN", console=BOOT + MARK + header)
        self.check(1, "KCSAN", console=BOOT + MARK + header + "[    5.0] Oops\n" + foreign)
        self.check(1, "BUG: x", console=BOOT + MARK + foreign + "[    6.0] BUG: x\n")

    def test_insmod_without_a_mark_is_judged_too(self):
        taint = "[    3.0] nvgrace_egm: loading out-of-tree module taints kernel.\n"
        self.check(1, "BUG:", console=f"{BOOT}{taint}[    4.0] BUG: x\n")


class Description(unittest.TestCase):
    def load(self, text):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "test.toml"
            path.write_text(text, encoding="utf-8")
            return host.load(path)

    HOST = 'memory = "2G"\nvisible = "1G"\n'
    SOCKET = HOST + '[[socket]]\npxm = 4\nbase = "hidden+2M"\nsize = "64M"\n'

    def test_places(self):
        made = self.load(self.SOCKET + 'retired = {pages = ["base", {from = "base+64K", '
                         'step = "64K", number = 2}], count = 9}\n[[socket.gpu]]\n')
        base = 0x8020_0000
        self.assertEqual(made["sockets"][0]["base"], base)
        self.assertEqual(made["bytes"], [{"at": base + (64 << 20), "u64": [
            9, base, base + 0x10000, base + 0x20000]}])
        self.assertEqual(made["gpus"][0]["properties"][host.EGM_RETIRED], base + (64 << 20))
        self.assertEqual(list(host.hidden_ranges(made)),
                         [(base, base + (64 << 20) - 1, f"0000:00:05.0 {host.EGM_BASE}")])

    def test_properties(self):
        made = self.load(self.SOCKET + '[[socket.gpu]]\nomit = ["nvidia,egm-size"]\n'
                         'properties = {"nvidia,egm-pxm" = 0xffffffffffffffff, '
                         '"nvidia,egm-base-pa" = {asl = \'"text"\'}}\n')
        asl = acpi.ssdt(made)
        self.assertIn('"nvidia,egm-pxm", 0xffffffffffffffff', asl)
        self.assertIn('"nvidia,egm-base-pa", "text"', asl)
        self.assertNotIn("egm-size", asl)
        self.assertIn("Scope (\\_SB.PCI0.S28)", asl)

    def test_ports(self):
        made = self.load(self.HOST + ("[[gpu]]\n[[gpu]]\nport = true\n[[gpu]]\nport = true\n"
                                      'properties = {"nvidia,egm-pxm" = 4}\n'))
        self.assertEqual([gpu["address"] for gpu in made["gpus"]],
                         ["0000:00:05.0", "0000:01:00.0", "0000:02:00.0"])
        self.assertEqual(made["gpus"][2]["acpi"], "\\_SB_.PCI0.S38_.S00_")
        self.assertIn("Scope (\\_SB.PCI0.S38.S00)", acpi.ssdt(made))
        line = " ".join(machine.command(made, "kernel", "", "root", "run", False))
        self.assertIn("bochs-display,addr=05.0 ", line)
        self.assertIn("port02,chassis=0x02,addr=07.0,hotplug=off -device bochs-display,bus=port02",
                      line)

    def test_overlap_is_said_aloud(self):
        overlap = '[[gpu]]\noverlap = true\nproperties = {"nvidia,egm-base-pa" = "ram", ' \
                  '"nvidia,egm-size" = "1M"}\n'
        self.assertFalse(list(host.hidden_ranges(self.load(self.HOST + overlap))))
        silent = overlap.replace("overlap = true\n", "")
        self.assertTrue(list(host.hidden_ranges(self.load(self.HOST + silent))))

    def test_distances(self):
        nodes = [{"near": None}, {"near": None}, {"near": 0}]
        self.assertEqual([option for option in machine.distances(nodes) if option != "-numa"],
                         ["dist,src=0,dst=1,val=40", "dist,src=0,dst=2,val=12",
                          "dist,src=1,dst=2,val=40"])
        self.assertEqual(machine.distances(nodes[:2]), [])

    def test_mistakes(self):
        for text in (self.HOST + "cpu_count = 2\n",
                     'memory = "2G"\n',
                     self.SOCKET + "[[socket.gpu]]\n" * 28,
                     self.HOST + '[[bytes]]\nat = "ram"\nu64 = [1]\n',
                     self.HOST + '[[node]]\nmemory = "1G"\n',
                     self.SOCKET.replace('"1G"', '"768M"'),
                     self.SOCKET.replace('"64M"', '"512M"'),
                     self.HOST + '[[socket]]\npxm = 4\nbase = "nowhere"\nsize = 1\n'):
            with self.assertRaises(host.DescriptionError):
                self.load(text)
        self.load(self.SOCKET.replace('"1G"', '"768M"') + "struct_pages = true\n")


if __name__ == "__main__":
    unittest.main()
