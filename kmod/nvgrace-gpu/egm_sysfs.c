// SPDX-License-Identifier: GPL-2.0-only
/*
 * The egm/ attributes of a GPU: what became of its EGM, for tools to read
 */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "nvgrace_gpu.h"

/* ABI: one fixed word each */
static const char * const egm_reasons[] = {
	[EGM_JOINED] = "none",
	[EGM_OFF_ABSENT] = "absent",
	[EGM_OFF_ZERO] = "zero",
	[EGM_REFUSED_MALFORMED] = "malformed",
	[EGM_REFUSED_PXM] = "pxm",
	[EGM_REFUSED_WRAPS] = "wraps",
	[EGM_REFUSED_WIDTH] = "width",
	[EGM_REFUSED_KDUMP] = "kdump",
	[EGM_REFUSED_DISAGREES] = "disagrees",
	[EGM_REFUSED_REGION] = "region",
	[EGM_REFUSED_SYSTEM_RAM] = "system-ram",
	[EGM_REFUSED_PCI] = "pci",
	[EGM_REFUSED_GPU_MEMORY] = "gpu-memory",
	[EGM_REFUSED_RESERVED] = "reserved",
	[EGM_REFUSED_UNALIGNED] = "unaligned",
	[EGM_REFUSED_INTERNAL] = "internal",
};

static struct nvgrace_gpu *dev_to_nvgrace_gpu(struct device *dev)
{
	return pci_to_nvgrace_gpu(to_pci_dev(dev));
}

static ssize_t status_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	const char *status;

	switch (dev_to_nvgrace_gpu(dev)->verdict) {
	case EGM_JOINED:
		status = "joined";
		break;
	case EGM_OFF_ABSENT:
	case EGM_OFF_ZERO:
		status = "off";
		break;
	default:
		status = "refused";
	}
	return sysfs_emit(buf, "%s\n", status);
}
static DEVICE_ATTR_RO(status);

static ssize_t reason_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  egm_reasons[dev_to_nvgrace_gpu(dev)->verdict]);
}
static DEVICE_ATTR_RO(reason);

static ssize_t pxm_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%llu\n", dev_to_nvgrace_gpu(dev)->props.pxm);
}
static DEVICE_ATTR_RO(pxm);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", dev_to_nvgrace_gpu(dev)->props.size);
}
static DEVICE_ATTR_RO(size);

/* Physical addresses are for root. */
static ssize_t base_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", dev_to_nvgrace_gpu(dev)->props.base);
}
static DEVICE_ATTR_ADMIN_RO(base);

static struct attribute *egm_attrs[] = {
	&dev_attr_status.attr,
	&dev_attr_reason.attr,
	&dev_attr_pxm.attr,
	&dev_attr_size.attr,
	&dev_attr_base.attr,
	NULL
};

static const struct attribute_group egm_group = {
	.name = "egm",
	.attrs = egm_attrs,
};

const struct attribute_group *nvgrace_gpu_groups[] = {
	&egm_group,
	NULL
};
