// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of a region in user space, and how they are taken away
 */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
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

static u64 egm_mapping_offset(struct vm_area_struct *vma, unsigned long address)
{
	return ((u64)vma->vm_pgoff << PAGE_SHIFT) + (address - vma->vm_start);
}

static unsigned long egm_mapping_pfn(struct egm_region *region, u64 offset)
{
	return PHYS_PFN(region->base + offset);
}

/* The first hole that is not wholly below @offset, U64_MAX if there is none */
static u64 egm_mapping_hole(struct egm_region *region, u64 offset)
{
	return egm_retired_search(region->holes, region->nr_holes,
				  ALIGN_DOWN(offset, NVGRACE_EGM_GRANULE));
}

/**
 * egm_mapping_is_hole - find out whether the owner does not get a place mapped
 * @region: the region, which has an owner
 * @offset: the place
 *
 * Return: whether it lies in a granule that is withheld from the owner.
 */
bool egm_mapping_is_hole(struct egm_region *region, u64 offset)
{
	return egm_mapping_hole(region, offset) <= offset;
}

/*
 * Whether the block of @size bytes around @address is to be mapped by one entry.
 *
 * Nothing that passes counts here, neither a lack of memory nor the setting of
 * transparent huge pages, which is about memory that can be moved: all faults in
 * the block have to agree. The kernel cannot put a page into a slot that holds a
 * block, nor the other way round. Bounds of a VMA change under locks that keep
 * faults out, and a block that is cut that way has been taken out first.
 */
static bool egm_mapping_is_block(struct egm_region *region,
				 struct vm_area_struct *vma,
				 unsigned long address, unsigned long size)
{
	unsigned long start = ALIGN_DOWN(address, size);
	u64 offset;

	if (start < vma->vm_start || vma->vm_end - start < size)
		return false;
	offset = egm_mapping_offset(vma, start);
	return IS_ALIGNED(region->base + offset, size) &&
	       egm_mapping_hole(region, offset) >= offset + size;
}

static vm_fault_t egm_mapping_insert_pmd(struct egm_region *region,
					 struct vm_fault *vmf)
{
	u64 offset = egm_mapping_offset(vmf->vma, vmf->address & PMD_MASK);

	return vmf_insert_pfn_pmd(vmf, egm_mapping_pfn(region, offset),
				  vmf->flags & FAULT_FLAG_WRITE);
}

static vm_fault_t egm_mapping_huge_fault(struct vm_fault *vmf,
					 unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct egm_region *region = vma->vm_private_data;
	u64 offset;

	guard(rwsem_read)(&region->lock);
	if (!region->egm)
		return VM_FAULT_SIGBUS;
	if (!egm_mapping_is_block(region, vma, vmf->address, PAGE_SIZE << order))
		return VM_FAULT_FALLBACK;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return egm_mapping_insert_pmd(region, vmf);
	/* Smaller blocks do where there is something: those have no such rule. */
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER &&
	    pud_none(*vmf->pud)) {
		offset = egm_mapping_offset(vma, vmf->address & PUD_MASK);
		return vmf_insert_pfn_pud(vmf, egm_mapping_pfn(region, offset),
					  false);
	}
	return VM_FAULT_FALLBACK;
}

/* Fill all of the page table that the fault is in: most others follow soon. */
static vm_fault_t egm_mapping_fill_table(struct egm_region *region,
					 struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long address = vmf->address & PMD_MASK;
	unsigned long end = min(address + PMD_SIZE, vma->vm_end);
	u64 offset = egm_mapping_offset(vma, vmf->address);
	u64 hole;
	vm_fault_t ret;

	ret = vmf_insert_pfn(vma, vmf->address, egm_mapping_pfn(region, offset));
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	address = max(address, vma->vm_start);
	offset = egm_mapping_offset(vma, address);
	hole = egm_mapping_hole(region, offset);
	for (; address < end; address += PAGE_SIZE, offset += PAGE_SIZE) {
		if (offset >= hole) {
			if (offset - hole < NVGRACE_EGM_GRANULE)
				continue;
			hole = egm_mapping_hole(region, offset);
			if (offset >= hole)
				continue;
		}
		/* A page that does not get in now has a fault of its own. */
		vmf_insert_pfn(vma, address, egm_mapping_pfn(region, offset));
	}
	return ret;
}

/*
 * Also for blocks: the administrator may have switched off transparent huge pages,
 * and then older kernels do not ask for a huge one.
 */
static vm_fault_t egm_mapping_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct egm_region *region = vma->vm_private_data;
	u64 offset = egm_mapping_offset(vma, vmf->address);
	pmd_t pmd;

	guard(rwsem_read)(&region->lock);
	if (!region->egm || !egm_mapping_fits(region, vmf->pgoff, PAGE_SIZE))
		return VM_FAULT_SIGBUS;
	if (egm_mapping_is_hole(region, offset))
		return VM_FAULT_HWPOISON;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && !egm_map_eagerly() &&
	    egm_mapping_is_block(region, vma, vmf->address, PMD_SIZE)) {
		pmd = pmdp_get_lockless(vmf->pmd);
		if (pmd_none(pmd))
			return egm_mapping_insert_pmd(region, vmf);
		if (pmd_leaf(pmd))
			return VM_FAULT_NOPAGE;
		/* mremap() may have moved a table here: so be it. */
	}
	return egm_mapping_fill_table(region, vmf);
}

/*
 * A child of fork() has faults of its own. The kernel would copy a block after a
 * look at it without a lock, and so could hand on what removal has just taken from
 * the parent. The name of the flag is about anonymous memory: for a file nothing is
 * wiped. dup_mmap() calls here before it looks at it.
 */
static void egm_mapping_open(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_WIPEONFORK);
}

/*
 * No .access: nobody reads the memory through /proc/PID/mem or ptrace. Both
 * kinds of mapping have a .fault: a page that was taken away is SIGBUS.
 */
static const struct vm_operations_struct egm_mapping_fault_ops = {
	.open = egm_mapping_open,
	.fault = egm_mapping_fault,
	.huge_fault = egm_mapping_huge_fault,
};

static const struct vm_operations_struct egm_mapping_remap_ops = {
	.open = egm_mapping_open,
	.fault = egm_mapping_fault,
};

/* The largest block that the processor can map, up to @limit bytes */
static unsigned long egm_mapping_block(u64 limit)
{
	if (egm_map_eagerly())
		return PAGE_SIZE;
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && limit >= PUD_SIZE)
		return PUD_SIZE;
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && limit >= PMD_SIZE)
		return PMD_SIZE;
	return PAGE_SIZE;
}

/**
 * egm_mapping_block_size - the largest block that base and size allow
 * @region: the region
 *
 * Return: bytes; a mapping of the region from its start on consists of such blocks
 * if it begins at a multiple of this.
 */
unsigned long egm_mapping_block_size(struct egm_region *region)
{
	u64 alignment = region->base & -region->base;

	return egm_mapping_block(min(region->size, alignment));
}

/**
 * egm_mapping_area - find a place for a mapping
 * @region: the region
 * @file: the file
 * @address: where the caller wants it, 0: anywhere
 * @len: bytes
 * @pgoff: offset in the file, in pages
 * @flags: of mmap()
 *
 * Where the caller leaves the choice, a block of memory comes to lie at a multiple
 * of its size, whatever the offset and the region's base are.
 *
 * Return: the address or a negative errno.
 */
unsigned long egm_mapping_area(struct egm_region *region, struct file *file,
			       unsigned long address, unsigned long len,
			       unsigned long pgoff, unsigned long flags)
{
	unsigned long block = egm_mapping_block(len);
	unsigned long found, longer;
	u64 phys = region->base + ((u64)pgoff << PAGE_SHIFT);

	if (!address && !(flags & MAP_FIXED) && block > PAGE_SIZE &&
	    !check_add_overflow(len, block, &longer)) {
		found = mm_get_unmapped_area(file, 0, longer, pgoff, flags);
		if (!IS_ERR_VALUE(found))
			return found + ((phys - found) & (block - 1));
	}
	return mm_get_unmapped_area(file, address, len, pgoff, flags);
}

/*
 * Any number of processes may map the region and end while it has the same owner.
 * Who has no user any more creates no VMA.
 */
static void egm_mapping_forget_dead(struct egm_region *region)
{
	struct mm_struct *mm;
	unsigned long index;

	do {
		/* Others may be at it: who takes one out of the array has it. */
		xa_lock(&region->mms);
		xa_for_each(&region->mms, index, mm)
			if (!atomic_read(&mm->mm_users)) {
				__xa_erase(&region->mms, index);
				break;
			}
		xa_unlock(&region->mms);
		if (mm)
			mmdrop(mm);
	} while (mm);
}

/*
 * Removal zaps the VMAs that it finds. One that is being created is not to be
 * found yet, and its pages are in place already: so remember who creates one.
 */
static int egm_mapping_remember(struct egm_region *region, struct mm_struct *mm)
{
	int ret;

	egm_mapping_forget_dead(region);
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

/* map=remap: put all pages but the holes in place */
static int egm_mapping_fill(struct egm_region *region,
			    struct vm_area_struct *vma)
{
	unsigned long address = vma->vm_start;

	while (address < vma->vm_end) {
		u64 offset = egm_mapping_offset(vma, address);
		u64 hole = egm_mapping_hole(region, offset);
		u64 len = vma->vm_end - address;
		int ret;

		if (hole <= offset) {
			address += min(len, hole + NVGRACE_EGM_GRANULE - offset);
			continue;
		}
		len = min(len, hole - offset);
		ret = remap_pfn_range(vma, address,
				      egm_mapping_pfn(region, offset), len,
				      vma->vm_page_prot);
		if (ret)
			return ret;
		address += len;
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
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!egm_map_eagerly()) {
		vma->vm_ops = &egm_mapping_fault_ops;
		return 0;
	}

	vma->vm_ops = &egm_mapping_remap_ops;
	ret = egm_mapping_remember(region, vma->vm_mm);
	if (ret)
		return ret;
	return egm_mapping_fill(region, vma);
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
