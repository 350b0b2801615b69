// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU's memory: where it is, and whether it can be handed out
 */
#include <linux/mm.h>
#include <linux/pci.h>

#include "nvgrace_gpu.h"

/* A capability of the vendor's that says which flaws of the hardware are gone */
#define GPU_MEMORY_DVSEC	3
#define GPU_MEMORY_DVSEC_FIXED	0xa
#define GPU_MEMORY_FIXED_MIG	BIT(0)

/* Hopper's MIG needs uncached memory; later GPUs say that they do not. */
static bool gpu_memory_needs_reserved(struct pci_dev *pdev)
{
	u16 dvsec = pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_NVIDIA,
					      GPU_MEMORY_DVSEC);
	u16 fixed = 0;

	if (dvsec)
		pci_read_config_word(pdev, dvsec + GPU_MEMORY_DVSEC_FIXED,
				     &fixed);
	return !(fixed & GPU_MEMORY_FIXED_MIG);
}

/**
 * gpu_memory_find - find out which memory a GPU has
 * @pdev: the GPU
 * @memory: filled in if it has memory that can be handed out, left alone if not
 *
 * Firmware that names none is fine: not every GPU has memory of that kind. All
 * else that stands in the way is logged, and costs the guest the memory only.
 *
 * Return: whether it has.
 */
bool gpu_memory_find(struct pci_dev *pdev, struct gpu_memory *memory)
{
	struct fw_range range = {
		.what = "GPU memory",
		.properties = "nvidia,gpu-mem-base-pa, nvidia,gpu-mem-size",
		.ram_means = "has another driver of the GPU left it online",
		.gpu_memory = true,
	};
	struct gpu_memory found;
	const char *wrong;

	switch (egm_props_gpu_memory(pdev, &range.base, &range.size)) {
	case 0:
		break;
	case -ENOENT:
		return false;
	case -ENODATA:
		pci_err(pdev, "%s refused: base or size is 0; is the link to the CPU down? (%s)\n",
			range.what, range.properties);
		return false;
	default:
		pci_err(pdev, "%s refused: a property is missing, or not a 64-bit integer (%s)\n",
			range.what, range.properties);
		return false;
	}

	if (fw_range_valid(pdev, &range) != EGM_JOINED)
		return false;
	wrong = gpu_layout(&found, range.base, range.size, PAGE_SIZE,
			   gpu_memory_needs_reserved(pdev));
	if (wrong) {
		pci_err(pdev, "%s refused: base %#llx, size %#llx %s (%s)\n",
			range.what, range.base, range.size, wrong,
			range.properties);
		return false;
	}
	/* A region that nvgrace-egm has not claimed is in the registry alone. */
	if (fw_range_free(pdev, &range) != EGM_JOINED ||
	    egm_dev_overlaps(pdev, &range))
		return false;

	*memory = found;
	return true;
}
