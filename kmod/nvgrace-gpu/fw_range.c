// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a range that firmware names can be given away
 *
 * The memory will be handed to a virtual machine, and EGM is wiped first. So
 * everything else that the kernel knows to lie there is a reason to refuse.
 */
#include <linux/crash_dump.h>
#include <linux/efi.h>
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
static unsigned int fw_range_phys_bits(void)
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

/* Memory that firmware needs while the host runs, and memory that is broken */
#define FW_RANGE_KEPT	(BIT(EFI_RUNTIME_SERVICES_CODE) |	\
			 BIT(EFI_RUNTIME_SERVICES_DATA) |	\
			 BIT(EFI_ACPI_MEMORY_NVS) |		\
			 BIT(EFI_UNUSABLE_MEMORY))

/*
 * Whether a part of the range has one of the types in firmware's memory map. On
 * arm64 such memory is a plain entry among the resources, whatever its type.
 */
static bool fw_range_has_type(const struct resource *res, unsigned long types)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_MEMMAP))
		return false;
	for_each_efi_memory_desc(md) {
		struct resource memory =
			DEFINE_RES_MEM(md->phys_addr,
				       md->num_pages << EFI_PAGE_SHIFT);

		if (md->type < EFI_MAX_MEMORY_TYPE && (types & BIT(md->type)) &&
		    resource_overlaps(res, &memory))
			return true;
	}
	return false;
}

struct fw_range_walk {
	struct resource res;
	struct resource found;	/* the part of it that is not free */
	bool cxl;
};

/*
 * Called for each resource that the kernel knows within the range and one byte
 * to either side. The walk clips resources to what it is asked for: without the
 * byte, one that reaches beyond the range would look as if it ended with it.
 */
static int fw_range_found(struct resource *res, void *data)
{
	struct fw_range_walk *walk = data;
	bool plain = res->flags == IORESOURCE_MEM && res->desc == IORES_DESC_NONE;

	if (!resource_intersection(res, &walk->res, &walk->found))
		return 0;

	/*
	 * Firmware may set the range itself aside in its memory map. Then an
	 * entry has exactly its bounds, and is nothing but memory.
	 */
	if (plain && res->start == walk->res.start &&
	    res->end == walk->res.end &&
	    !fw_range_has_type(&walk->res, FW_RANGE_KEPT))
		return 0;

	/* The memory of a CXL device lies within a window that firmware names. */
	if (plain && walk->cxl && resource_contains(res, &walk->res) &&
	    !fw_range_has_type(&walk->res,
			       FW_RANGE_KEPT | BIT(EFI_RESERVED_TYPE)))
		return 0;

	walk->found.flags = res->flags;
	return 1;
}

/* Whether the range overlaps the memory of a GPU, @except aside */
static bool fw_range_is_gpu_memory(const struct resource *res,
				   const struct pci_dev *except,
				   struct resource *memory)
{
	struct pci_dev *pdev = NULL;
	u64 base, size;

	for_each_pci_dev(pdev) {
		if (pdev == except || egm_props_gpu_memory(pdev, &base, &size))
			continue;
		/* A range that wraps overlaps all that lies above its base. */
		memory->flags = IORESOURCE_MEM;
		memory->start = base;
		if (check_add_overflow(base, size - 1, &memory->end))
			memory->end = U64_MAX;
		if (resource_overlaps(res, memory)) {
			pci_dev_put(pdev);
			return true;
		}
	}
	return false;
}

/**
 * fw_range_valid - decide whether firmware's numbers make sense at all
 * @pdev: the GPU that names them; a refusal is logged for it
 * @range: the range; neither base nor size is 0
 *
 * Return: EGM_JOINED if they do, or the reason for a refusal.
 */
enum egm_verdict fw_range_valid(struct pci_dev *pdev,
				const struct fw_range *range)
{
	u64 last;

	if (check_add_overflow(range->base, range->size - 1, &last)) {
		pci_err(pdev, "%s refused: base %#llx plus size %#llx exceeds 64 bits (%s)\n",
			range->what, range->base, range->size,
			range->properties);
		return EGM_REFUSED_WRAPS;
	}
	if (last >> fw_range_phys_bits()) {
		pci_err(pdev, "%s refused: [%#llx-%#llx] exceeds the %u bits of a physical address (%s)\n",
			range->what, range->base, last, fw_range_phys_bits(),
			range->properties);
		return EGM_REFUSED_WIDTH;
	}
	if (is_kdump_kernel()) {
		pci_err(pdev, "%s refused: a kdump kernel cannot tell [%#llx-%#llx] from the crashed host's RAM\n",
			range->what, range->base, last);
		return EGM_REFUSED_KDUMP;
	}

	return EGM_JOINED;
}

/**
 * fw_range_free - decide whether the range can be given away
 * @pdev: the GPU that names it; a refusal is logged for it
 * @range: the range, valid by fw_range_valid()
 *
 * EGM regions that nvgrace-egm has not claimed are not looked at: the registry
 * knows those.
 *
 * Return: EGM_JOINED if it can, or the reason for a refusal.
 */
enum egm_verdict fw_range_free(struct pci_dev *pdev,
			       const struct fw_range *range)
{
	u64 last = range->base + (range->size - 1);
	struct fw_range_walk walk = {};
	struct resource memory = {};

	walk.res = DEFINE_RES_MEM(range->base, range->size);
	walk.cxl = range->gpu_memory && gpu_ready_cxl_dvsec(pdev);
	if (region_intersects(range->base, range->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pci_err(pdev, "%s refused: [%#llx-%#llx] is RAM of this host; %s?\n",
			range->what, range->base, last, range->ram_means);
		return EGM_REFUSED_SYSTEM_RAM;
	}
	if (fw_range_is_gpu_memory(&walk.res, range->gpu_memory ? pdev : NULL,
				   &memory)) {
		pci_err(pdev, "%s refused: [%#llx-%#llx] overlaps GPU memory %pR (nvidia,gpu-mem-base-pa)\n",
			range->what, range->base, last, &memory);
		return EGM_REFUSED_GPU_MEMORY;
	}
	if (walk_iomem_res_desc(IORES_DESC_NONE, 0, range->base - 1, last + 1,
				&walk, fw_range_found) > 0) {
		bool pci = walk.found.flags & IORESOURCE_WINDOW;

		pci_err(pdev, "%s refused: [%#llx-%#llx] overlaps %pR, which is %s\n",
			range->what, range->base, last, &walk.found,
			pci ? "a PCI window" : "reserved");
		return pci ? EGM_REFUSED_PCI : EGM_REFUSED_RESERVED;
	}
	/* The walk does not look into what it finds, and a device may be all of that. */
	if (region_intersects(range->base, range->size,
			      IORESOURCE_MEM | IORESOURCE_BUSY,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pci_err(pdev, "%s refused: [%#llx-%#llx] has what a driver has claimed in it\n",
			range->what, range->base, last);
		return EGM_REFUSED_RESERVED;
	}

	return EGM_JOINED;
}
