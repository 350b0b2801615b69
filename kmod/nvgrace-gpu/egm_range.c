// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a range that firmware calls EGM can be given away
 *
 * The memory will be wiped and handed to a virtual machine. So everything else
 * that the kernel knows to lie there is a reason to refuse.
 */
#include <linux/acpi.h>
#include <linux/crash_dump.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci.h>

#include "nvgrace_gpu.h"

#ifdef CONFIG_ARM64
#include <asm/cpufeature.h>
#else
#include <asm/processor.h>
#endif

/*
 * What the page tables hold may be more than the CPU has, which might then drop
 * the upper bits and reach something else.
 */
static unsigned int egm_phys_bits(void)
{
#ifdef CONFIG_ARM64
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u32 cpu = id_aa64mmfr0_parange_to_phys_shift(mmfr0 &
			ID_AA64MMFR0_EL1_PARANGE_MASK);
#else
	u32 cpu = boot_cpu_data.x86_phys_bits;
#endif
	return min_t(u32, cpu, MAX_PHYSMEM_BITS);
}

struct egm_range {
	struct resource res;
	struct resource found;	/* the part of it that is not free */
};

/*
 * Called for each resource that the kernel knows within the range and one byte
 * to either side. The walk clips resources to what it is asked for: without the
 * byte, one that reaches beyond the range would look as if it ended with it.
 */
static int egm_range_found(struct resource *res, void *data)
{
	struct egm_range *range = data;

	if (!resource_intersection(res, &range->res, &range->found))
		return 0;

	/*
	 * Firmware may set the region itself aside in its memory map. Then an
	 * entry has exactly its bounds, and is nothing but memory.
	 */
	if (res->start == range->res.start && res->end == range->res.end &&
	    res->flags == IORESOURCE_MEM && res->desc == IORES_DESC_NONE)
		return 0;

	range->found.flags = res->flags;
	return 1;
}

static bool egm_range_is_gpu_memory(const struct resource *res,
				    struct resource *memory)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (egm_props_gpu_memory(pdev, memory) &&
		    resource_overlaps(res, memory)) {
			pci_dev_put(pdev);
			return true;
		}
	}
	return false;
}

/**
 * egm_range_valid - decide whether firmware's numbers make sense at all
 * @pdev: the GPU that names them; a refusal is logged for it
 * @props: its properties
 *
 * Return: EGM_JOINED or the reason for a refusal.
 */
enum egm_verdict egm_range_valid(struct pci_dev *pdev,
				 const struct egm_props *props)
{
	u64 last;

	if (check_add_overflow(props->base, props->size - 1, &last)) {
		pci_err(pdev, "EGM refused: base %#llx plus size %#llx exceeds 64 bits (nvidia,egm-base-pa, nvidia,egm-size)\n",
			props->base, props->size);
		return EGM_REFUSED_WRAPS;
	}
	if (last >> egm_phys_bits()) {
		pci_err(pdev, "EGM refused: [%#llx-%#llx] exceeds the %u bits of a physical address (nvidia,egm-base-pa, nvidia,egm-size)\n",
			props->base, last, egm_phys_bits());
		return EGM_REFUSED_WIDTH;
	}
	if (props->pxm >= MAX_PXM_DOMAINS) {
		pci_err(pdev, "EGM refused: [%#llx-%#llx] names proximity domain %llu, there are %u at most (nvidia,egm-pxm)\n",
			props->base, last, props->pxm, MAX_PXM_DOMAINS);
		return EGM_REFUSED_PXM;
	}
	if (is_kdump_kernel()) {
		pci_err(pdev, "EGM refused: a kdump kernel cannot tell [%#llx-%#llx] from the crashed host's RAM\n",
			props->base, last);
		return EGM_REFUSED_KDUMP;
	}

	return EGM_JOINED;
}

/**
 * egm_range_free - decide whether the range can be given away
 * @pdev: the GPU that names it; a refusal is logged for it
 * @props: its properties, valid by egm_range_valid()
 *
 * Other regions are not looked at: the registry knows those.
 *
 * Return: EGM_JOINED or the reason for a refusal.
 */
enum egm_verdict egm_range_free(struct pci_dev *pdev,
				const struct egm_props *props)
{
	u64 last = props->base + (props->size - 1);
	struct egm_range range = {};
	struct resource memory = {};

	range.res.start = props->base;
	range.res.end = last;
	if (region_intersects(props->base, props->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		/* Firmware's mode without a hypervisor describes just that. */
		pci_err(pdev, "EGM refused: [%#llx-%#llx] is RAM of this host; is firmware in EGM mode without hypervisor mode?\n",
			props->base, last);
		return EGM_REFUSED_SYSTEM_RAM;
	}
	if (egm_range_is_gpu_memory(&range.res, &memory)) {
		pci_err(pdev, "EGM refused: [%#llx-%#llx] overlaps GPU memory %pR (nvidia,gpu-mem-base-pa)\n",
			props->base, last, &memory);
		return EGM_REFUSED_GPU_MEMORY;
	}
	if (walk_iomem_res_desc(IORES_DESC_NONE, 0, props->base - 1, last + 1,
				&range, egm_range_found) > 0) {
		bool pci = range.found.flags & IORESOURCE_WINDOW;

		pci_err(pdev, "EGM refused: [%#llx-%#llx] overlaps %pR, which is %s\n",
			props->base, last, &range.found,
			pci ? "a PCI window" : "reserved");
		return pci ? EGM_REFUSED_PCI : EGM_REFUSED_RESERVED;
	}
	if (!IS_ALIGNED(props->base | props->size, NVGRACE_EGM_GRANULE)) {
		pci_err(pdev, "EGM refused: base %#llx and size %#llx are not multiples of %u KiB (nvidia,egm-base-pa, nvidia,egm-size)\n",
			props->base, props->size, NVGRACE_EGM_GRANULE / SZ_1K);
		return EGM_REFUSED_UNALIGNED;
	}

	return EGM_JOINED;
}
