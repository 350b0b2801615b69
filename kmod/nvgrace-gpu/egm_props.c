// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware's device properties of a GPU, and nothing but reading them
 */
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
 * egm_props_gpu_memory - where firmware says that the memory of a GPU lies
 * @pdev: any PCI function
 * @base: physical address, not 0
 * @size: bytes, not 0
 *
 * Return: 0, -ENOENT if firmware does not say, -ENODATA if it says 0, -EINVAL if
 * it says half of it, or no integer.
 */
int egm_props_gpu_memory(struct pci_dev *pdev, u64 *base, u64 *size)
{
	int base_ret = egm_props_u64(pdev, "nvidia,gpu-mem-base-pa", base);
	int size_ret = egm_props_u64(pdev, "nvidia,gpu-mem-size", size);

	if (base_ret == -ENOENT && size_ret == -ENOENT)
		return -ENOENT;
	if (base_ret || size_ret)
		return -EINVAL;
	return *base && *size ? 0 : -ENODATA;
}
