// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory in user space: mapped at a touch, so that vfio-pci-core may take all
 * mappings away (at a reset, or while memory is off) and they come back by themselves
 */
#include <linux/align.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>

#include "nvgrace_gpu.h"

/* The offset is that of the file: the region, and the offset in it */
#define GPU_MAPPING_INDEX_SHIFT	(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)

static struct gpu_part *gpu_mapping_part(struct nvgrace_gpu *gpu,
					 const struct vm_area_struct *vma)
{
	return gpu_region_part(gpu, vma->vm_pgoff >> GPU_MAPPING_INDEX_SHIFT);
}

/* The page that a VMA begins with, in its region */
static unsigned long gpu_mapping_first(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff & (BIT(GPU_MAPPING_INDEX_SHIFT) - 1);
}

/*
 * As if for reading: whatever has come into the slot meanwhile, maybe a table of
 * pages, stays there without a complaint.
 */
static vm_fault_t gpu_mapping_insert(struct vm_fault *vmf, unsigned long pfn,
				     unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, pfn, false);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, pfn, false);
	return VM_FAULT_FALLBACK;
}

static vm_fault_t gpu_mapping_huge_fault(struct vm_fault *vmf,
					 unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvgrace_gpu *gpu = vma->vm_private_data;
	struct gpu_part *part = gpu_mapping_part(gpu, vma);
	unsigned long size = PAGE_SIZE << order;
	unsigned long start = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn;
	vm_fault_t ret;

	if (start < vma->vm_start || vma->vm_end - start < size)
		return VM_FAULT_FALLBACK;
	pfn = PHYS_PFN(part->base) + gpu_mapping_first(vma) +
	      ((start - vma->vm_start) >> PAGE_SHIFT);
	if (!IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;

	if (gpu_ready_lock(gpu, false))
		return VM_FAULT_SIGBUS;
	ret = gpu_mapping_insert(vmf, pfn, order);
	up_read(&gpu->core.memory_lock);
	return ret;
}

static vm_fault_t gpu_mapping_fault(struct vm_fault *vmf)
{
	return gpu_mapping_huge_fault(vmf, 0);
}

/*
 * A child of fork() has faults of its own. The kernel would copy a large entry after
 * a look at it without a lock, and so could hand on what a reset has just taken from
 * the parent. The name of the flag is about anonymous memory: nothing is wiped.
 */
static void gpu_mapping_open(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_WIPEONFORK);
}

static const struct vm_operations_struct gpu_mapping_ops = {
	.open = gpu_mapping_open,
	.fault = gpu_mapping_fault,
	.huge_fault = gpu_mapping_huge_fault,
};

/**
 * gpu_mapping_add - map a slice of a region
 * @gpu: the GPU, open
 * @part: the part that the region is
 * @vma: from mmap() of the VFIO device's file
 *
 * Usable memory keeps the protection as given: Normal cacheable, which KVM takes
 * over for the guest. The reserved part is write-combined, and KVM may let the guest
 * have it so. The offset stays the file's, which vfio-pci-core's zapping goes by.
 *
 * Return: 0 or -EINVAL.
 */
int gpu_mapping_add(struct nvgrace_gpu *gpu, struct gpu_part *part,
		    struct vm_area_struct *vma)
{
	u64 offset = (u64)gpu_mapping_first(vma) << PAGE_SHIFT;
	u64 len = vma->vm_end - vma->vm_start;

	/* A private mapping would be copied on write: no page, no copy. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (offset > part->length || len > part->length - offset)
		return -EINVAL;

	if (part == &gpu->memory.reserved) {
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
		vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED);
	}
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = gpu;
	vma->vm_ops = &gpu_mapping_ops;
	return 0;
}

/**
 * gpu_mapping_find - find a page of GPU memory in a VMA
 * @vma: any VMA of the VFIO device
 * @pfn: the page
 * @pgoff: set to the page's offset in the file, if it is there
 *
 * Context: does not sleep.
 * Return: 0, or -EFAULT if the VMA does not hold the page. With an offset outside
 * the VMA the process would be killed for want of an address.
 */
int gpu_mapping_find(struct vm_area_struct *vma, unsigned long pfn,
		     pgoff_t *pgoff)
{
	struct gpu_part *part;
	unsigned long first;

	/* The device's real BARs are mapped by another's operations. */
	if (vma->vm_ops != &gpu_mapping_ops)
		return -EFAULT;

	part = gpu_mapping_part(vma->vm_private_data, vma);
	first = PHYS_PFN(part->base) + gpu_mapping_first(vma);
	if (pfn < first || pfn - first >= vma_pages(vma))
		return -EFAULT;
	*pgoff = vma->vm_pgoff + (pfn - first);
	return 0;
}
