// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware's device properties of a GPU, and nothing but reading them
 */
#include <linux/ioport.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/property.h>

#include "nvgrace_gpu.h"

static int egm_props_u64(struct pci_dev *pdev, const char *name, u64 *value)
{
	if (!device_property_present(&pdev->dev, name))
		return -ENOENT;
	return device_property_read_u64(&pdev->dev, name, value);
}

/**
 * egm_props_read - read the EGM properties of a GPU
 * @pdev: the GPU
 * @props: filled in as far as the properties are readable
 *
 * Firmware without EGM leaves them out, or leaves zeros: EGM is off then. With a
 * base and a size it means to offer memory, and a missing domain is an error.
 *
 * Return: EGM_JOINED if there is a region to join, else why not.
 */
enum egm_verdict egm_props_read(struct pci_dev *pdev, struct egm_props *props)
{
	static const char * const names[] = {
		"nvidia,egm-size", "nvidia,egm-base-pa", "nvidia,egm-pxm",
	};
	u64 *values[] = { &props->size, &props->base, &props->pxm };
	unsigned int absent = 0;
	int ret;

	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		ret = egm_props_u64(pdev, names[i], values[i]);
		if (ret == -ENOENT) {
			absent++;
			continue;
		}
		if (ret) {
			pci_err(pdev, "EGM refused: property %s is not a 64-bit integer (%d)\n",
				names[i], ret);
			return EGM_REFUSED_MALFORMED;
		}
	}
	if (absent == ARRAY_SIZE(names))
		return EGM_OFF_ABSENT;
	if (!props->size || !props->base)
		return EGM_OFF_ZERO;
	if (absent) {
		pci_err(pdev, "EGM refused: property nvidia,egm-pxm is missing\n");
		return EGM_REFUSED_MALFORMED;
	}

	/* Firmware has a table per GPU, or none. A bad one costs only the list. */
	ret = egm_props_u64(pdev, "nvidia,egm-retired-pages-data-base",
			    &props->retired_base);
	if (ret && ret != -ENOENT) {
		pci_err(pdev, "no retired pages of EGM: property nvidia,egm-retired-pages-data-base is not a 64-bit integer (%d)\n",
			ret);
		props->retired_base = 0;
	}

	return EGM_JOINED;
}

/**
 * egm_props_gpu_memory - where the memory of a GPU lies
 * @pdev: any PCI function
 * @memory: filled in if firmware says it has memory
 *
 * Return: whether firmware says so.
 */
bool egm_props_gpu_memory(struct pci_dev *pdev, struct resource *memory)
{
	u64 base, size, last;

	if (egm_props_u64(pdev, "nvidia,gpu-mem-base-pa", &base) ||
	    egm_props_u64(pdev, "nvidia,gpu-mem-size", &size) || !size)
		return false;

	/* A range that wraps overlaps all that lies above its base. */
	if (check_add_overflow(base, size - 1, &last))
		last = U64_MAX;
	memory->flags = IORESOURCE_MEM;
	memory->start = base;
	memory->end = last;
	return true;
}
