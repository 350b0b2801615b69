// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether what firmware calls EGM can be a region
 */
#include <linux/acpi.h>
#include <linux/align.h>
#include <linux/pci.h>

#include "nvgrace_gpu.h"

/**
 * egm_range - the range that firmware calls EGM
 * @props: a GPU's properties
 *
 * Return: the range, not checked.
 */
struct fw_range egm_range(const struct egm_props *props)
{
	return (struct fw_range) {
		.what = "EGM",
		.properties = "nvidia,egm-base-pa, nvidia,egm-size",
		/* Firmware's mode without a hypervisor describes just that. */
		.ram_means = "is firmware in EGM mode without hypervisor mode",
		.base = props->base,
		.size = props->size,
	};
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
	struct fw_range range = egm_range(props);
	enum egm_verdict verdict;

	verdict = fw_range_valid(pdev, &range);
	if (verdict != EGM_JOINED)
		return verdict;

	if (props->pxm >= MAX_PXM_DOMAINS) {
		pci_err(pdev, "EGM refused: base %#llx, size %#llx names proximity domain %llu, there are %u at most (nvidia,egm-pxm)\n",
			props->base, props->size, props->pxm, MAX_PXM_DOMAINS);
		return EGM_REFUSED_PXM;
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
	struct fw_range range = egm_range(props);
	enum egm_verdict verdict;

	verdict = fw_range_free(pdev, &range);
	if (verdict != EGM_JOINED)
		return verdict;

	if (!IS_ALIGNED(props->base | props->size, NVGRACE_EGM_GRANULE)) {
		pci_err(pdev, "EGM refused: base %#llx and size %#llx are not multiples of %u KiB (nvidia,egm-base-pa, nvidia,egm-size)\n",
			props->base, props->size, NVGRACE_EGM_GRANULE / SZ_1K);
		return EGM_REFUSED_UNALIGNED;
	}

	return EGM_JOINED;
}
