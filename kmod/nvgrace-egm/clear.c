// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clearing: no byte of an earlier owner, boot or the firmware gets out
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "egm.h"

/*
 * Mapped at a time: no kernel needs room for all of a region then, and unmapping
 * is rare enough not to matter.
 */
#define EGM_CLEAR_WINDOW	SZ_256M
/* Cleared between two looks at signals and the scheduler: some milliseconds */
#define EGM_CLEAR_CHUNK		SZ_16M

/*
 * Clear [start, end) of the region, mapped at @window. The granules that
 * firmware retired are not touched: a store to one may take the host down.
 * @next is the index of the first retired granule at or above @start.
 */
static int egm_clear_window(struct egm_region *region, void *window, u64 start,
			    u64 end, unsigned int *next)
{
	u64 offset = start;

	while (offset < end) {
		u64 stop = min(end, offset + EGM_CLEAR_CHUNK);
		bool skip = false;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (!READ_ONCE(region->egm))
			return -ENODEV;
		cond_resched();

		if (*next < region->nr_retired && region->retired[*next] < stop) {
			stop = region->retired[*next];
			skip = true;
		}
		memset(window + (offset - start), 0, stop - offset);
		offset = stop;
		if (skip) {
			offset += NVGRACE_EGM_GRANULE;
			(*next)++;
		}
	}
	return 0;
}

/**
 * egm_clear - overwrite a region with zeros
 * @region: the region, in state EGM_CLEARING
 *
 * Context: the opener's; sleeps.
 * Return: 0 if all but the retired granules is zero; -EINTR for a fatal signal,
 * -ENODEV when the region is removed, -ENOMEM.
 */
int egm_clear(struct egm_region *region)
{
	ktime_t begin = ktime_get();
	unsigned int next = 0;
	u64 start, end;
	int ret;

	for (start = 0; start < region->size; start = end) {
		void *window;

		end = min(region->size, start + EGM_CLEAR_WINDOW);
		window = memremap(region->base + start, end - start,
				  MEMREMAP_WB);
		if (!window)
			return -ENOMEM;
		ret = egm_clear_window(region, window, start, end, &next);
		memunmap(window);
		if (ret)
			return ret;
	}

	egm_info(region, "cleared %llu MiB in %lld ms\n",
		 region->size / SZ_1M, ktime_ms_delta(ktime_get(), begin));
	return 0;
}
