// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retired granules: firmware's, which are fixed, and those that failed since,
 * which only become more
 */
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>

#include "egm.h"

static int egm_retired_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/**
 * egm_retired_sort - put granules in order
 * @granules: offsets
 * @n: entries in @granules
 */
void egm_retired_sort(u64 *granules, unsigned int n)
{
	sort(granules, n, sizeof(*granules), egm_retired_compare, NULL);
}

/**
 * egm_retired_search - find the next granule in a sorted array
 * @granules: offsets, ascending
 * @n: entries in @granules
 * @offset: where to begin
 *
 * Return: the first entry at or above @offset, U64_MAX if there is none.
 */
u64 egm_retired_search(const u64 *granules, unsigned int n, u64 offset)
{
	unsigned int low = 0, high = n;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (granules[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n ? granules[low] : U64_MAX;
}

/**
 * egm_retired_next - find the next granule that must not be touched
 * @region: the region
 * @egm: the parent's device
 * @offset: where to begin
 *
 * Return: the first one at or above @offset, U64_MAX if there is none.
 */
u64 egm_retired_next(struct egm_region *region, struct nvgrace_egm_dev *egm,
		     u64 offset)
{
	u64 next = egm_retired_search(region->retired, region->nr_retired,
				      offset);

	guard(spinlock)(&egm->poison_lock);
	for (unsigned int i = 0; i < egm->nr_poisoned; i++)
		if (egm->poisoned[i] >= offset)
			next = min(next, egm->poisoned[i]);
	return next;
}

/**
 * egm_retired_add - retire a granule that failed
 * @region: the region
 * @egm: the parent's device
 * @offset: of the granule
 *
 * Context: one caller at a time.
 * Return: 1 if it is new, 0 if it is on a list already, -ENOSPC if there is no
 * room.
 */
int egm_retired_add(struct egm_region *region, struct nvgrace_egm_dev *egm,
		    u64 offset)
{
	if (egm_retired_next(region, egm, offset) == offset)
		return 0;

	guard(spinlock)(&egm->poison_lock);
	if (egm->nr_poisoned == ARRAY_SIZE(egm->poisoned))
		return -ENOSPC;
	egm->poisoned[egm->nr_poisoned] = offset;
	WRITE_ONCE(egm->nr_poisoned, egm->nr_poisoned + 1);
	return 1;
}

/**
 * egm_retired_get - one granule by its place
 * @region: the region
 * @egm: the parent's device
 * @index: firmware's come first, ascending; then the others as they arrived
 * @offset: the granule
 *
 * Return: where it comes from, in a word of the ABI; NULL if there are fewer.
 */
const char *egm_retired_get(struct egm_region *region,
			    struct nvgrace_egm_dev *egm, u64 index, u64 *offset)
{
	if (index < region->nr_retired) {
		*offset = region->retired[index];
		return "firmware";
	}

	index -= region->nr_retired;
	guard(spinlock)(&egm->poison_lock);
	if (index >= egm->nr_poisoned)
		return NULL;
	*offset = egm->poisoned[index];
	return "runtime";
}

/**
 * egm_retired_merge - copy granules into one sorted array
 * @region: the region
 * @egm: the parent's device
 * @firmware: whether to take firmware's
 * @poisoned: whether to take those that failed since
 * @granules: the array, to be freed with kvfree(); may be NULL if it is empty
 *
 * Return: entries in @granules or -ENOMEM.
 */
int egm_retired_merge(struct egm_region *region, struct nvgrace_egm_dev *egm,
		      bool firmware, bool poisoned, u64 **granules)
{
	unsigned int n = firmware ? region->nr_retired : 0;
	unsigned int more = poisoned ? READ_ONCE(egm->nr_poisoned) : 0;

	*granules = NULL;
	if (!n && !more)
		return 0;
	*granules = kvmalloc_array(n + more, sizeof(**granules), GFP_KERNEL);
	if (!*granules)
		return -ENOMEM;

	memcpy(*granules, region->retired, n * sizeof(**granules));
	scoped_guard(spinlock, &egm->poison_lock)
		memcpy(*granules + n, egm->poisoned, more * sizeof(**granules));
	egm_retired_sort(*granules, n + more);
	return n + more;
}
