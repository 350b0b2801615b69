// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware's table of retired pages, and the only code that knows its format
 *
 * A 64-bit count, then as many 64-bit physical addresses. Each stands for the
 * granule that it lies in. Nothing about the table can be trusted.
 */
#include <linux/efi.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "egm.h"

/* As many as firmware has room for */
#define EGM_RETIRED_MAX		4096

/*
 * Whether all of the table is of one kind of memory by firmware's memory map.
 * Without a map there is nothing to ask.
 */
static bool egm_retired_is_memory(phys_addr_t first, phys_addr_t last)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_MEMMAP))
		return true;

	for_each_efi_memory_desc(md) {
		u64 md_last = md->phys_addr +
			      ((md->num_pages << EFI_PAGE_SHIFT) - 1);

		if (md->phys_addr <= first && last <= md_last)
			return (md->attribute & EFI_MEMORY_WB) &&
			       md->type != EFI_MEMORY_MAPPED_IO &&
			       md->type != EFI_MEMORY_MAPPED_IO_PORT_SPACE;
	}
	return false;
}

/*
 * Whether some, but not all of the table is RAM of the host, which the kernel
 * maps in another way. Asked page by page: RAM beside nothing at all does not
 * count as mixed otherwise.
 */
static bool egm_retired_is_mixed(phys_addr_t first, phys_addr_t last)
{
	phys_addr_t page = PAGE_ALIGN_DOWN(first);
	int kind = region_intersects(page, PAGE_SIZE, IORESOURCE_SYSTEM_RAM,
				     IORES_DESC_NONE);

	while (kind != REGION_MIXED && (page += PAGE_SIZE) <= last) {
		if (region_intersects(page, PAGE_SIZE, IORESOURCE_SYSTEM_RAM,
				      IORES_DESC_NONE) != kind)
			return true;
	}
	return kind == REGION_MIXED;
}

/* Why @len bytes of the table cannot be read, or NULL */
static const char *egm_retired_refuse(phys_addr_t table, size_t len)
{
	phys_addr_t last;

	if (check_add_overflow(table, len - 1, &last) ||
	    last >> MAX_PHYSMEM_BITS)
		return "it exceeds the physical address space";
	/* The claim of a region, this one or another, looks like no other. */
	if (region_intersects(table, len, IORESOURCE_MEM | IORESOURCE_EXCLUSIVE,
			      IORES_DESC_RESERVED) != REGION_DISJOINT)
		return "it lies inside a region";
	if (egm_retired_is_mixed(table, last))
		return "part of it is RAM of this host";
	if (!egm_retired_is_memory(table, last))
		return "it is not memory by firmware's memory map";
	return NULL;
}

/*
 * Returns what is wrong with the table, NULL with @entries to be freed by the caller,
 * or ERR_PTR(-ENOMEM): that says nothing about the table.
 */
static const char *egm_retired_read(phys_addr_t table, u64 **entries, u64 *count)
{
	const char *why;
	size_t len;
	u64 *words;

	if (!IS_ALIGNED(table, sizeof(u64)))
		return "its address is not a multiple of 8";

	why = egm_retired_refuse(table, sizeof(u64));
	if (why)
		return why;
	words = memremap(table, sizeof(u64), MEMREMAP_WB);
	if (!words)
		return ERR_PTR(-ENOMEM);
	*count = READ_ONCE(*words);
	memunmap(words);
	if (*count > EGM_RETIRED_MAX)
		return "it has more entries than firmware has room for";

	/* Firmware may have reserved no more than the entries that there are. */
	len = (1 + *count) * sizeof(u64);
	why = egm_retired_refuse(table, len);
	if (why)
		return why;
	words = memremap(table, len, MEMREMAP_WB);
	if (!words)
		return ERR_PTR(-ENOMEM);
	*entries = kvmalloc_array(*count, sizeof(u64), GFP_KERNEL);
	if (*entries)
		memcpy(*entries, words + 1, *count * sizeof(u64));
	memunmap(words);
	return *entries ? NULL : ERR_PTR(-ENOMEM);
}

/**
 * egm_retired_table_load - read firmware's table into a region
 * @region: the region, claimed and not yet published
 * @table: physical address of the table, 0: there is none
 *
 * A bad table costs the list, not the region: the log says what was wrong. But a
 * good one is not done without for want of memory: the next clear would write to
 * what it lists.
 *
 * Return: 0 or -ENOMEM.
 */
int egm_retired_table_load(struct egm_region *region, phys_addr_t table)
{
	u64 *entries = NULL;
	unsigned int n = 0;
	u64 count = 0;
	const char *why;

	if (!table)
		return 0;

	why = egm_retired_read(table, &entries, &count);
	if (IS_ERR(why))
		return PTR_ERR(why);
	if (why) {
		egm_err(region, "no retired pages: firmware's table at %pa (nvidia,egm-retired-pages-data-base), count %llu, is refused: %s\n",
			&table, count, why);
		return 0;
	}

	/* In place: what is kept never overtakes what is read. */
	for (u64 i = 0; i < count; i++) {
		u64 granule = ALIGN_DOWN(entries[i], NVGRACE_EGM_GRANULE);

		if (granule >= region->base &&
		    granule - region->base < region->size)
			entries[n++] = granule - region->base;
	}
	if (n < count)
		egm_warn(region, "%llu of %llu entries of firmware's table of retired pages lie outside the region\n",
			 count - n, count);

	egm_retired_sort(entries, n);
	for (unsigned int i = 0; i < n; i++) {
		if (!region->nr_retired ||
		    entries[i] != entries[region->nr_retired - 1])
			entries[region->nr_retired++] = entries[i];
	}
	region->retired = entries;
	return 0;
}
