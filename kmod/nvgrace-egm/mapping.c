// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of a region in user space, and how they are taken away
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/xarray.h>

#include "egm.h"

/* Whether @len bytes from page @pgoff on lie within the region */
static bool egm_mapping_fits(struct egm_region *region, pgoff_t pgoff, u64 len)
{
	pgoff_t end;

	return !check_add_overflow(pgoff, (pgoff_t)(len >> PAGE_SHIFT), &end) &&
	       end <= region->size >> PAGE_SHIFT;
}

static unsigned long egm_mapping_pfn(struct egm_region *region, pgoff_t pgoff)
{
	return PHYS_PFN(region->base) + pgoff;
}

static vm_fault_t egm_mapping_fault(struct vm_fault *vmf)
{
	struct egm_region *region = vmf->vma->vm_private_data;

	guard(rwsem_read)(&region->lock);
	if (!region->egm || !egm_mapping_fits(region, vmf->pgoff, PAGE_SIZE))
		return VM_FAULT_SIGBUS;

	return vmf_insert_pfn(vmf->vma, vmf->address,
			      egm_mapping_pfn(region, vmf->pgoff));
}

/*
 * No .access: nobody reads the memory through /proc/PID/mem or ptrace. Both
 * kinds of mapping have a .fault: a page that was taken away is SIGBUS.
 */
static const struct vm_operations_struct egm_mapping_ops = {
	.fault = egm_mapping_fault,
};

/*
 * Removal zaps the VMAs that it finds. One that is being created is not to be
 * found yet, and its pages are in place already: so remember who creates one.
 */
static int egm_mapping_remember(struct egm_region *region, struct mm_struct *mm)
{
	int ret;

	ret = xa_insert(&region->mms, (unsigned long)mm, mm, GFP_KERNEL);
	if (!ret)
		mmgrab(mm);
	return ret == -EBUSY ? 0 : ret;
}

static struct mm_struct *egm_mapping_take_mm(struct egm_region *region)
{
	unsigned long index = 0;
	struct mm_struct *mm;

	/* The owner's last file and removal may both be at it. */
	guard(rwsem_write)(&region->lock);
	mm = xa_find(&region->mms, &index, ULONG_MAX, XA_PRESENT);
	if (mm)
		xa_erase(&region->mms, index);
	return mm;
}

/**
 * egm_mapping_forget - drop the address spaces of an owner that has gone
 * @region: the region
 *
 * Context: the caller knows that no VMA of the owner's file is left.
 */
void egm_mapping_forget(struct egm_region *region)
{
	struct mm_struct *mm;

	while ((mm = egm_mapping_take_mm(region)))
		mmdrop(mm);
}

static int egm_mapping_check(struct egm_region *region,
			     struct vm_area_struct *vma)
{
	u64 len = vma->vm_end - vma->vm_start;

	/* A private mapping would be copied on write: no page, no copy. */
	if (!(vma->vm_flags & VM_SHARED)) {
		egm_err_ratelimited(region, "mmap by %s (%d) refused: needs MAP_SHARED; QEMU: share=on\n",
				    current->comm, task_tgid_nr(current));
		return -EINVAL;
	}
	if (!egm_mapping_fits(region, vma->vm_pgoff, len)) {
		egm_err_ratelimited(region, "mmap by %s (%d) refused: %#llx bytes from page %#lx on leave the region of %#llx bytes\n",
				    current->comm, task_tgid_nr(current), len,
				    vma->vm_pgoff, region->size);
		return -EINVAL;
	}
	return 0;
}

/**
 * egm_mapping_add - map a slice of a region
 * @region: the region
 * @vma: from mmap() of the owner's file
 *
 * The protection stays as given: Normal cacheable memory, which KVM takes over
 * for the guest. The offset stays the file's, which zapping goes by.
 *
 * Return: 0 or a negative errno.
 */
int egm_mapping_add(struct egm_region *region, struct vm_area_struct *vma)
{
	int ret;

	/* Held to the end: removal waits until the pages are where it looks. */
	guard(rwsem_read)(&region->lock);
	if (!region->egm)
		return -ENODEV;

	ret = egm_mapping_check(region, vma);
	if (ret)
		return ret;

	vma->vm_private_data = region;
	vma->vm_ops = &egm_mapping_ops;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!egm_map_eagerly())
		return 0;

	ret = egm_mapping_remember(region, vma->vm_mm);
	if (ret)
		return ret;
	return remap_pfn_range(vma, vma->vm_start,
			       egm_mapping_pfn(region, vma->vm_pgoff),
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

/**
 * egm_mapping_revoke - take all mappings of a removed region away
 * @region: the region; its egm is NULL, so that no new mapping or page comes
 */
void egm_mapping_revoke(struct egm_region *region)
{
	struct address_space *mapping = region->inode->i_mapping;
	struct mm_struct *mm;

	unmap_mapping_range(mapping, 0, 0, 1);

	/* Whoever was within mmap() has linked the VMA when the lock is free. */
	while ((mm = egm_mapping_take_mm(region))) {
		mmap_write_lock(mm);
		mmap_write_unlock(mm);
		mmdrop(mm);
	}
	unmap_mapping_range(mapping, 0, 0, 1);
}
