// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that fails while the host runs: hear of it, and keep a list
 *
 * Two ways lead here. The memory-failure code asks, for each VMA of a process that
 * is to hear of failures, whether it maps the page that failed; where no such
 * process maps any of the region, it asks nothing. And ACPI GHES passes on what
 * firmware reports as an error of memory, mapped or not.
 */
#include <linux/cleanup.h>
#include <linux/kfifo.h>
#include <linux/kobject.h>
#include <linux/memory-failure.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <acpi/ghes.h>

#include "egm.h"

/* Nothing here may sleep: the memory-failure code holds RCU, GHES a spinlock. */
static void egm_poison_report(struct egm_region *region, phys_addr_t phys)
{
	struct egm_poison *poison = &region->poison;
	u64 granule;

	if (phys < region->base || phys - region->base >= region->size)
		return;
	granule = ALIGN_DOWN(phys - region->base, NVGRACE_EGM_GRANULE);

	scoped_guard(spinlock_irqsave, &poison->lock) {
		/* One page is asked for as often as it is mapped. */
		if (!kfifo_is_empty(&poison->reports) &&
		    poison->latest == granule)
			return;
		if (kfifo_put(&poison->reports, granule))
			poison->latest = granule;
		else
			poison->missed++;
	}
	schedule_work(&poison->work);
}

/*
 * Returns -EFAULT where the VMA does not hold the page. With an offset outside
 * the VMA the process would be killed for want of an address, and with that of a
 * hole QEMU would try to give the guest another page there. The holes stay as they
 * are: the VMA, linked as long as this is asked, holds the owner's file.
 */
static int egm_poison_pgoff(struct vm_area_struct *vma, unsigned long pfn,
			    pgoff_t *pgoff)
{
	struct egm_region *region = vma->vm_private_data;
	unsigned long first = PHYS_PFN(region->base) + vma->vm_pgoff;

	egm_poison_report(region, PFN_PHYS(pfn));

	if (pfn < first || pfn - first >= vma_pages(vma) ||
	    egm_mapping_is_hole(region, PFN_PHYS(pfn) - region->base))
		return -EFAULT;
	*pgoff = pfn - PHYS_PFN(region->base);
	return 0;
}

static int egm_poison_ghes(struct notifier_block *nb, unsigned long severity,
			   void *data)
{
	struct egm_region *region =
		container_of(nb, struct egm_region, poison.ghes_nb);
	const struct cper_sec_mem_err *error = data;

	/* What was corrected did no harm. */
	if (severity >= GHES_SEV_RECOVERABLE &&
	    (error->validation_bits & CPER_MEM_VALID_PA))
		egm_poison_report(region, error->physical_addr);
	return NOTIFY_OK;
}

static void egm_poison_announce(struct egm_region *region, u64 granule)
{
	char offset[32], size[32];
	char *environment[4] = { "EGM_EVENT=poison", offset, size, NULL };

	snprintf(offset, sizeof(offset), "OFFSET=%#llx", granule);
	snprintf(size, sizeof(size), "SIZE=%#x", NVGRACE_EGM_GRANULE);
	kobject_uevent_env(&region->dev.kobj, KOBJ_CHANGE, environment);
	sysfs_notify(&region->dev.kobj, NULL, "poison_count");
	egm_warn_ratelimited(region, "memory at offset %#llx failed and is retired\n",
			     granule);
}

static void egm_poison_work(struct work_struct *work)
{
	struct egm_region *region =
		container_of(work, struct egm_region, poison.work);
	struct egm_poison *poison = &region->poison;
	/* Removal waits for this work before it lets go of what the parent keeps. */
	struct nvgrace_egm_record *record = region->record;
	unsigned int missed = 0;
	u64 granule;

	while (kfifo_out_spinlocked(&poison->reports, &granule, 1,
				    &poison->lock)) {
		int ret = egm_retired_add(region, granule);

		if (ret > 0)
			egm_poison_announce(region, granule);
		else if (ret < 0)
			missed++;
	}

	scoped_guard(spinlock_irq, &poison->lock) {
		missed += poison->missed;
		poison->missed = 0;
	}
	if (missed) {
		WRITE_ONCE(record->poison_lost, record->poison_lost + missed);
		egm_err_ratelimited(region, "reports of failed memory lost: %u, %u in all; restart the host\n",
				    missed, record->poison_lost);
	}
}

/*
 * Memory with struct pages is the kernel's own to handle: it does not ask us.
 * That is so where firmware reserved the range rather than hide it.
 */
static bool egm_poison_has_pages(struct egm_region *region)
{
	unsigned long pfn = PHYS_PFN(region->base);
	unsigned long end = pfn + PHYS_PFN(region->size);

	for (; pfn < end; pfn = ALIGN(pfn + 1, PAGES_PER_SUBSECTION))
		if (pfn_valid(pfn))
			return true;
	return false;
}

/**
 * egm_poison_init - prepare for reports
 * @region: the region
 */
void egm_poison_init(struct egm_region *region)
{
	struct egm_poison *poison = &region->poison;

	spin_lock_init(&poison->lock);
	INIT_KFIFO(poison->reports);
	INIT_WORK(&poison->work, egm_poison_work);
}

/**
 * egm_poison_start - listen to what the kernel says of the region's memory
 * @region: the region; its device has been added, as each report is announced
 *
 * Without it everything else works: the kernel may be too old.
 */
void egm_poison_start(struct egm_region *region)
{
	struct egm_poison *poison = &region->poison;
	int ret;

	poison->ghes_nb.notifier_call = egm_poison_ghes;
	if (IS_ENABLED(CONFIG_ACPI_APEI_GHES))
		ghes_register_report_chain(&poison->ghes_nb);

	poison->space.node.start = PHYS_PFN(region->base);
	poison->space.node.last = PHYS_PFN(region->base + region->size - 1);
	poison->space.mapping = region->inode->i_mapping;
	poison->space.pfn_to_vma_pgoff = egm_poison_pgoff;
	/* To unregister what never was would corrupt the kernel's tree. */
	ret = register_pfn_address_space(&poison->space);
	poison->registered = !ret;

	if (egm_poison_has_pages(region))
		egm_notice(region, "poison=unsupported: the kernel manages part of the range itself\n");
	else if (ret == -EOPNOTSUPP)
		egm_info(region, "poison=unsupported: this kernel handles no failure of such memory\n");
	else if (ret)
		egm_err(region, "poison=unsupported: the kernel does not tell of failures: %d\n",
			ret);
	else
		poison->supported = true;
}

/**
 * egm_poison_settle - wait until the list has all that was reported
 * @region: the region
 */
void egm_poison_settle(struct egm_region *region)
{
	flush_work(&region->poison.work);
}

/**
 * egm_poison_stop - stop listening
 * @region: the region, its device still there
 *
 * After this returns, no report is under way and none comes.
 */
void egm_poison_stop(struct egm_region *region)
{
	struct egm_poison *poison = &region->poison;

	if (poison->registered)
		unregister_pfn_address_space(&poison->space);
	poison->registered = false;
	if (IS_ENABLED(CONFIG_ACPI_APEI_GHES))
		ghes_unregister_report_chain(&poison->ghes_nb);
	egm_poison_settle(region);
}
