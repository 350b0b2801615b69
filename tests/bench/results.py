# SPDX-License-Identifier: GPL-2.0-or-later
"""The arithmetic of the benchmark: from samples to values, goals and a table.

Samples are lists of numbers under these names, absent where something could not be measured:

  ours.* published.*   open_ms, mmap_ms, touch_ms, munmap_ms, page_table_bytes_per_gib, kill_ms,
                       stage2_faults, retired_bytes
  ours.memset_ms       user space's memset of the same bytes: as many threads as ours.open_ms had
  ours.memset_one_ms   and one
  one_thread.open_ms   ours with clear_threads=1
  ours.info_rate ours.reference_rate   ioctls a second
  lsmem.list_ms egmctl.large_ms        on a host with much memory and two regions
  egmctl.one_ms egmctl.many_ms         on hosts with 1 and 64 regions
"""

import math
import statistics

SCHEMA = "egm-bench"
SCHEMA_VERSION = 1

# Of a run, and of the kill test
LEAST_RUNS = 7
KILLS = 200
STAGE2_FACTOR = 100


class Missing(Exception):
    """A sample that a value is made of was not taken."""


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    """The smallest value that at least so many percent of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


class Samples:
    """Gives out what a value is made of, and remembers it for the report."""

    def __init__(self, taken):
        self.taken = taken
        self.used = {}

    def all(self, name):
        values = self.taken.get(name)
        if not values:
            raise Missing(name)
        self.used[name] = values
        return values

    def median(self, name):
        return median(self.all(name))

    def ratio(self, above, below):
        return self.median(above) / self.median(below)

    def show(self, name):
        """Something that the value is not made of, yet whoever reads the report wants to see."""
        if self.taken.get(name):
            self.used[name] = self.taken[name]


def _vs_published(samples):
    gain = samples.ratio("ours.memset_one_ms", "ours.memset_ms")
    return samples.ratio("published.open_ms", "ours.open_ms") / gain


def _kill(samples):
    samples.show("published.kill_ms")
    return percentile(samples.all("ours.kill_ms"), 99)


def _page_tables(samples):
    samples.show("published.page_table_bytes_per_gib")
    return samples.median("ours.page_table_bytes_per_gib")


def _per_entry(samples):
    entries = samples.all("table.entries")[0]
    samples.show("published.retired_bytes")
    return samples.median("ours.retired_bytes") / entries


def _versus(name):
    return lambda samples: samples.ratio(f"published.{name}", f"ours.{name}")


# id, unit, goal, which way is better, how the value is made
GOALS = (
    # our rate of clearing / that of as many user-space threads
    ("clear.vs_user_memset", "ratio", 0.90, "higher",
     lambda samples: samples.ratio("ours.memset_ms", "ours.open_ms")),
    # what we gain over the other side / what user space gains by as many threads over one
    ("clear.vs_published", "ratio", 0.90, "higher", _vs_published),
    ("clear.one_thread", "ratio", 0.97, "higher",
     lambda samples: samples.ratio("published.open_ms", "one_thread.open_ms")),
    ("clear.kill_ms_p99", "ms", 250, "lower", _kill),
    ("map.mmap_call", "ratio", 100, "higher", _versus("mmap_ms")),
    ("map.page_table_bytes_per_gib_4k", "bytes", 8192, "lower", _page_tables),
    ("map.munmap", "ratio", 20, "higher", _versus("munmap_ms")),
    ("map.touch", "ratio", 1.0, "higher", _versus("touch_ms")),
    ("guest.stage2_faults_per_gib", "count", 1024, "lower",
     lambda samples: samples.median("ours.stage2_faults")),
    # Its goal is what ours makes of it: so many times as many.
    ("guest.stage2_faults_published", "count", None, "higher",
     lambda samples: samples.median("published.stage2_faults")),
    ("retired.bytes_per_entry", "bytes", 16, "lower", _per_entry),
    ("ioctl.info_rate", "ratio", 0.8, "higher",
     lambda samples: samples.ratio("ours.info_rate", "ours.reference_rate")),
    ("egmctl.list_vs_lsmem", "ratio", 1.0, "higher",
     lambda samples: samples.ratio("lsmem.list_ms", "egmctl.large_ms")),
    ("egmctl.list_64_vs_1", "ratio", 2, "lower",
     lambda samples: samples.ratio("egmctl.many_ms", "egmctl.one_ms")),
)


def _result(identifier, unit, goal, better, value, used):
    passed = value is not None and goal is not None and (
        value >= goal if better == "higher" else value <= goal)
    return {"id": identifier, "value": value, "unit": unit, "goal": goal, "better": better,
            "pass": passed, "samples": used}


def evaluate(taken):
    """All results; the value of one that could not be measured is None, and it has not passed."""
    results = []
    for identifier, unit, goal, better, make in GOALS:
        samples = Samples(taken)
        try:
            value = make(samples)
        except Missing:
            value = None
        if identifier == "guest.stage2_faults_published" and taken.get("ours.stage2_faults"):
            goal = STAGE2_FACTOR * median(taken["ours.stage2_faults"])
        results.append(_result(identifier, unit, goal, better, value, samples.used))
    ours, published = (result for result in results if result["id"].startswith("guest."))
    # The one who has so few faults must also have so many fewer than the other.
    ours["pass"] = ours["pass"] and published["pass"]
    return results


def report(environment, taken):
    """What bench.json holds."""
    return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "environment": environment,
            "results": evaluate(taken)}


def _number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def table(document):
    """The report for reading."""
    rows = [("", "value", "goal", "unit", "")]
    for result in document["results"]:
        sign = ">=" if result["better"] == "higher" else "<="
        verdict = "met" if result["pass"] else "not measured" if result["value"] is None \
            else "MISSED"
        rows.append((result["id"], _number(result["value"]), f"{sign} {_number(result['goal'])}",
                     result["unit"], verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [f"{key}: {value}" for key, value in document["environment"].items()]
    for row in rows:
        lines.append("  ".join((row[0].ljust(widths[0]), row[1].rjust(widths[1]),
                                row[2].rjust(widths[2]), row[3].ljust(widths[3]),
                                row[4])).rstrip())
    return "\n".join(lines)
