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
 * @offset: where to begin
 *
 * Return: the first one at or above @offset, U64_MAX if there is none.
 */
u64 egm_retired_next(struct egm_region *region, u64 offset)
{
	struct nvgrace_egm_record *record = region->record;
	u64 next = egm_retired_search(region->retired, region->nr_retired,
				      offset);

	guard(spinlock)(&record->poison_lock);
	for (unsigned int i = 0; i < record->nr_poisoned; i++)
		if (record->poisoned[i] >= offset)
			next = min(next, record->poisoned[i]);
	return next;
}

/**
 * egm_retired_add - retire a granule that failed
 * @region: the region
 * @offset: of the granule
 *
 * Context: one caller at a time.
 * Return: 1 if it is new, 0 if it is on a list already, -ENOSPC if there is no
 * room.
 */
int egm_retired_add(struct egm_region *region, u64 offset)
{
	struct nvgrace_egm_record *record = region->record;

	if (egm_retired_next(region, offset) == offset)
		return 0;

	guard(spinlock)(&record->poison_lock);
	if (record->nr_poisoned == ARRAY_SIZE(record->poisoned))
		return -ENOSPC;
	record->poisoned[record->nr_poisoned] = offset;
	WRITE_ONCE(record->nr_poisoned, record->nr_poisoned + 1);
	return 1;
}

/**
 * egm_retired_get - one granule by its place
 * @region: the region
 * @index: firmware's come first, ascending; then the others as they arrived
 * @offset: the granule
 *
 * Return: where it comes from, in a word of the ABI; NULL if there are fewer.
 */
const char *egm_retired_get(struct egm_region *region, u64 index, u64 *offset)
{
	struct nvgrace_egm_record *record = region->record;

	if (index < region->nr_retired) {
		*offset = region->retired[index];
		return "firmware";
	}

	index -= region->nr_retired;
	guard(spinlock)(&record->poison_lock);
	if (index >= record->nr_poisoned)
		return NULL;
	*offset = record->poisoned[index];
	return "runtime";
}

/**
 * egm_retired_merge - copy granules into one sorted array
 * @region: the region
 * @firmware: whether to take firmware's
 * @poisoned: whether to take those that failed since
 * @granules: the array, to be freed with kvfree(); may be NULL if it is empty
 *
 * Return: entries in @granules or -ENOMEM.
 */
int egm_retired_merge(struct egm_region *region, bool firmware, bool poisoned,
		      u64 **granules)
{
	struct nvgrace_egm_record *record = region->record;
	unsigned int n = firmware ? region->nr_retired : 0;
	unsigned int more = poisoned ? READ_ONCE(record->nr_poisoned) : 0;

	*granules = NULL;
	if (!n && !more)
		return 0;
	*granules = kvmalloc_array(n + more, sizeof(**granules), GFP_KERNEL);
	if (!*granules)
		return -ENOMEM;

	memcpy(*granules, region->retired, n * sizeof(**granules));
	scoped_guard(spinlock, &record->poison_lock)
		memcpy(*granules + n, record->poisoned, more * sizeof(**granules));
	egm_retired_sort(*granules, n + more);
	return n + more;
}
