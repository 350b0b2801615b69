#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's arithmetic judged: what numbers it makes of samples, and what it says of none."""

import importlib.machinery
import importlib.util
import json
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

import results  # noqa: E402

# As many faults, bytes and milliseconds as reach every goal by a hair
TAKEN = {
    "ours.open_ms": [100, 90, 300], "ours.memset_ms": [90, 90, 1], "ours.memset_one_ms": [180],
    "published.open_ms": [180], "one_thread.open_ms": [180 / 0.97],
    "ours.kill_ms": [1] * 198 + [251, 252],
    "ours.mmap_ms": [1], "published.mmap_ms": [100],
    "ours.munmap_ms": [1], "published.munmap_ms": [20],
    "ours.touch_ms": [7, 8, 9, 10], "published.touch_ms": [8.5],
    "ours.page_table_bytes_per_gib": [8192],
    "ours.stage2_faults": [1024], "published.stage2_faults": [102400],
    "ours.retired_bytes": [65536], "table.entries": [4096],
    "ours.info_rate": [8], "ours.reference_rate": [10],
    "lsmem.list_ms": [5], "egmctl.large_ms": [5], "egmctl.one_ms": [4], "egmctl.many_ms": [8],
}


def by_name(taken):
    return {result["id"]: result for result in results.evaluate(taken)}


class Arithmetic(unittest.TestCase):
    def test_median(self):
        self.assertEqual(results.median([3, 1, 2]), 2)
        self.assertEqual(results.median([4, 1, 2, 3]), 2.5)

    def test_percentile(self):
        values = list(range(200, 0, -1))
        self.assertEqual(results.percentile(values, 99), 198)
        self.assertEqual(results.percentile(values, 100), 200)
        self.assertEqual(results.percentile([5], 99), 5)
        self.assertEqual(results.percentile([5, 6], 0), 5)

    def test_values(self):
        found = {name: result["value"] for name, result in by_name(TAKEN).items()}
        self.assertEqual(found["clear.vs_user_memset"], 0.9)
        self.assertEqual(found["clear.vs_published"], 0.9)
        self.assertAlmostEqual(found["clear.one_thread"], 0.97)
        self.assertEqual(found["clear.kill_ms_p99"], 1)
        self.assertEqual(found["map.mmap_call"], 100)
        self.assertEqual(found["map.munmap"], 20)
        self.assertEqual(found["map.touch"], 1)
        self.assertEqual(found["retired.bytes_per_entry"], 16)
        self.assertEqual(found["ioctl.info_rate"], 0.8)
        self.assertEqual(found["egmctl.list_vs_lsmem"], 1)
        self.assertEqual(found["egmctl.list_64_vs_1"], 2)

    def test_goals_are_met_at_the_edge_and_missed_beyond(self):
        self.assertEqual([result["id"] for result in results.evaluate(TAKEN)
                          if not result["pass"] and result["id"] != "clear.one_thread"], [])
        beyond = {name: [value * (0.99 if name.startswith(("published.", "ours.memset_ms",
                                                           "ours.info")) else 1.01)
                         for value in values] for name, values in TAKEN.items()
                  if name not in ("table.entries", "ours.reference_rate", "lsmem.list_ms",
                                  "egmctl.one_ms")}
        beyond |= {"table.entries": [4096], "ours.reference_rate": [10],
                   "lsmem.list_ms": [5], "egmctl.one_ms": [4],
                   "ours.kill_ms": [1] * 197 + [251] * 3}
        self.assertEqual([result["id"] for result in results.evaluate(beyond)
                          if result["pass"]], [])

    def test_few_faults_are_not_enough(self):
        taken = TAKEN | {"published.stage2_faults": [102399]}
        self.assertFalse(by_name(taken)["guest.stage2_faults_per_gib"]["pass"])
        del taken["published.stage2_faults"]
        self.assertFalse(by_name(taken)["guest.stage2_faults_per_gib"]["pass"])

    def test_without_samples_nothing_has_passed(self):
        for result in results.evaluate({}):
            self.assertEqual((result["value"], result["pass"], result["samples"]),
                             (None, False, {}))


class Report(unittest.TestCase):
    def test_shape(self):
        document = json.loads(json.dumps(results.report({"kernel": "7.3"}, TAKEN)))
        self.assertEqual(list(document), ["schema", "schema_version", "environment", "results"])
        self.assertEqual((document["schema"], document["schema_version"]), ("egm-bench", 1))
        for result in document["results"]:
            self.assertEqual(list(result), ["id", "value", "unit", "goal", "better", "pass",
                                            "samples"])
            self.assertIn(result["unit"], ("ratio", "bytes", "count", "ms"))
            self.assertIn(result["better"], ("higher", "lower"))
            self.assertIsInstance(result["pass"], bool)
            self.assertTrue(result["samples"])

    def test_table(self):
        text = results.table(results.report({"kernel": "7.3"}, TAKEN | {"ours.mmap_ms": [2]}))
        self.assertIn("kernel: 7.3\n", text)
        self.assertRegex(text, r"map.mmap_call +50 +>= 100 +ratio +MISSED")
        self.assertRegex(text, r"map.munmap +20 +>= 20 +ratio +met")
        self.assertRegex(results.table(results.report({}, {})),
                         r"map.munmap +- +>= 20 +ratio +not measured")


class Allocations(unittest.TestCase):
    """What the kernel's texts say."""

    @classmethod
    def setUpClass(cls):
        loader = importlib.machinery.SourceFileLoader("bench_run",
                                                      str(Path(__file__).parent / "run"))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run",
                                                                                 loader))
        loader.exec_module(module)
        cls.made = module.Allocations

    def test_kmalloc(self):
        line = "  python3-9 [000] .....  1.0: "
        ours = "call_site=load+0x1/0x2 [nvgrace_egm] ptr="
        kmalloc = " bytes_req=9 bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
        trace = (f"# tracer: nop\n{line}kmalloc: {ours}a{kmalloc}{line}kmalloc: {ours}b{kmalloc}"
                 f"{line}kmalloc: call_site=driver_bind+0x1/0x2 ptr=c{kmalloc}"
                 f"{line}kfree: {ours}a\n{line}kfree: call_site=kvfree+0x1/0x2 ptr=never\n"
                 f"{line}kmalloc: {ours}d{kmalloc}")
        self.assertEqual(self.made.kept(trace, "nvgrace_egm"), 32)
        self.assertEqual(self.made.kept(trace, "egm_published"), 0)

    def test_vmalloc(self):
        text = ("0xffff800080000000-0xffff800080002000    8192 load+0x1/0x2 [egm_published] "
                "pages=1 vmalloc N0=1\n"
                "0xffff800080010000-0xffff800080020000   65536 load+0x1/0x2 [egm_published] "
                "phys=0x00000000c0000000 memremap\n"
                "0xffff800080030000-0xffff800080032000    8192 other+0x1/0x2 pages=1 vmalloc\n")
        made = self.made.vmalloced(text, "egm_published")
        self.assertEqual(len(made), 1)


if __name__ == "__main__":
    unittest.main()
