// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of /sys/class/egm/egmX, and the links to its GPUs
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "egm.h"

#define EGM_ABI_VERSION	1

/* The first two are read by deployed tools, so their form is not ours. */
static ssize_t egm_size_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", to_egm_region(dev)->size);
}
static DEVICE_ATTR_RO(egm_size);

static ssize_t gpu_devices_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	/* The device goes, and waits for us, before the parent's device does. */
	struct nvgrace_egm_dev *egm = to_egm_region(dev)->egm;
	struct nvgrace_egm_gpu *gpu;
	int len = 0;

	guard(rwsem_read)(&egm->gpus_lock);
	list_for_each_entry(gpu, &egm->gpus, node)
		len += sysfs_emit_at(buf, len, "%s\n", pci_name(gpu->pdev));
	return len;
}
static DEVICE_ATTR_RO(gpu_devices);

static ssize_t pxm_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%u\n", to_egm_region(dev)->pxm);
}
static DEVICE_ATTR_RO(pxm);

static ssize_t numa_node_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%d\n", to_egm_region(dev)->node);
}
static DEVICE_ATTR_RO(numa_node);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char * const words[] = {
		[EGM_STATE_IDLE] = "idle",
		[EGM_STATE_DRAINING] = "draining",
		[EGM_STATE_CLEARING] = "clearing",
		[EGM_STATE_IN_USE] = "in-use",
	};

	struct egm_region *region = to_egm_region(dev);

	guard(rwsem_read)(&region->lock);
	return sysfs_emit(buf, "%s\n", words[egm_owner_state(region)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t abi_version_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", EGM_ABI_VERSION);
}
static DEVICE_ATTR_RO(abi_version);

static ssize_t base_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", (u64)to_egm_region(dev)->base);
}
static DEVICE_ATTR_ADMIN_RO(base);

static ssize_t mapping_size_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  egm_mapping_block_size(to_egm_region(dev)));
}
static DEVICE_ATTR_RO(mapping_size);

static ssize_t cleared_bytes_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n",
			  atomic64_read(&to_egm_region(dev)->cleared));
}
static DEVICE_ATTR_RO(cleared_bytes);

static ssize_t clear_time_ms_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", egm_clear_ms(to_egm_region(dev)));
}
static DEVICE_ATTR_RO(clear_time_ms);

static ssize_t retired_count_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	struct egm_region *region = to_egm_region(dev);

	return sysfs_emit(buf, "%u\n", region->nr_retired +
			  READ_ONCE(region->record->nr_poisoned));
}
static DEVICE_ATTR_RO(retired_count);

static ssize_t poison_count_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  READ_ONCE(to_egm_region(dev)->record->nr_poisoned));
}
static DEVICE_ATTR_RO(poison_count);

static ssize_t poison_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", to_egm_region(dev)->poison.supported ?
			  "supported" : "unsupported");
}
static DEVICE_ATTR_RO(poison);

static struct attribute *egm_attrs[] = {
	&dev_attr_egm_size.attr,
	&dev_attr_gpu_devices.attr,
	&dev_attr_pxm.attr,
	&dev_attr_numa_node.attr,
	&dev_attr_state.attr,
	&dev_attr_abi_version.attr,
	&dev_attr_base.attr,
	&dev_attr_mapping_size.attr,
	&dev_attr_cleared_bytes.attr,
	&dev_attr_clear_time_ms.attr,
	&dev_attr_retired_count.attr,
	&dev_attr_poison_count.attr,
	&dev_attr_poison.attr,
	NULL
};

static const struct attribute_group egm_group = {
	.attrs = egm_attrs,
};

const struct attribute_group *egm_groups[] = {
	&egm_group,
	NULL
};

/* Offset, size and origin; as many characters in each line, so that a line is found. */
#define EGM_RETIRED_LINE	"0x%016llx 0x%016llx %-8s\n"
#define EGM_RETIRED_LINE_LEN	47

/* Binary only in that there may be more of it than a page. */
static ssize_t retired_pages_read(struct file *file, struct kobject *kobj,
				  const struct bin_attribute *attr, char *buf,
				  loff_t off, size_t count)
{
	struct egm_region *region = to_egm_region(kobj_to_dev(kobj));
	char line[EGM_RETIRED_LINE_LEN + 1];
	size_t done = 0;

	while (done < count) {
		size_t skip = (off + done) % EGM_RETIRED_LINE_LEN;
		size_t len = min(count - done, EGM_RETIRED_LINE_LEN - skip);
		const char *origin;
		u64 granule;

		origin = egm_retired_get(region, (off + done) / EGM_RETIRED_LINE_LEN,
					 &granule);
		if (!origin)
			break;
		snprintf(line, sizeof(line), EGM_RETIRED_LINE, granule,
			 (u64)NVGRACE_EGM_GRANULE, origin);
		memcpy(buf + done, line + skip, len);
		done += len;
	}
	return done;
}
static BIN_ATTR_RO(retired_pages, 0);

static void egm_sysfs_link(struct egm_region *region, struct pci_dev *pdev)
{
	int ret;

	/* Whoever joins while the region is added is linked from two sides. */
	ret = sysfs_create_link_nowarn(&region->dev.kobj, &pdev->dev.kobj,
				       pci_name(pdev));
	if (ret && ret != -EEXIST)
		egm_err(region, "no link to GPU %s: %d\n", pci_name(pdev),
			ret);
}

static int egm_sysfs_gpu_event(struct notifier_block *nb, unsigned long event,
			       void *data)
{
	struct egm_region *region = container_of(nb, struct egm_region, gpu_nb);
	struct nvgrace_egm_gpu *gpu = data;

	/* Some region: that may be this one. */
	if (event == NVGRACE_EGM_DRAINED) {
		egm_sysfs_state_changed(region);
		return NOTIFY_OK;
	}
	if (gpu->egm != region->egm)
		return NOTIFY_DONE;

	if (event == NVGRACE_EGM_GPU_JOINED)
		egm_sysfs_link(region, gpu->pdev);
	else if (event == NVGRACE_EGM_GPU_LEFT)
		sysfs_remove_link(&region->dev.kobj, pci_name(gpu->pdev));
	return NOTIFY_OK;
}

/**
 * egm_sysfs_state_changed - wake whoever polls the state
 * @region: the region, also while it is removed
 */
void egm_sysfs_state_changed(struct egm_region *region)
{
	struct kernfs_node *node = READ_ONCE(region->state_node);

	if (node)
		sysfs_notify_dirent(node);
}

/**
 * egm_sysfs_add - add what the class does not: the list and the links
 * @region: the region; its device has been added
 *
 * Return: 0 or a negative errno.
 */
int egm_sysfs_add(struct egm_region *region)
{
	struct nvgrace_egm_dev *egm = region->egm;
	struct nvgrace_egm_gpu *gpu;
	int ret;

	ret = device_create_bin_file(&region->dev, &bin_attr_retired_pages);
	if (ret)
		return ret;
	WRITE_ONCE(region->state_node,
		   sysfs_get_dirent(region->dev.kobj.sd, "state"));

	/*
	 * First listen, then look: a GPU on the list now is reported when it
	 * leaves, and one that is not yet is reported when it joins.
	 */
	region->gpu_nb.notifier_call = egm_sysfs_gpu_event;
	ret = blocking_notifier_chain_register(&egm->host->chain,
					       &region->gpu_nb);
	if (ret) {
		device_remove_bin_file(&region->dev, &bin_attr_retired_pages);
		return ret;
	}

	guard(rwsem_read)(&egm->gpus_lock);
	list_for_each_entry(gpu, &egm->gpus, node)
		egm_sysfs_link(region, gpu->pdev);
	return 0;
}

/**
 * egm_sysfs_remove - undo egm_sysfs_add()
 * @region: the region; the links go with its device
 */
void egm_sysfs_remove(struct egm_region *region)
{
	blocking_notifier_chain_unregister(&region->egm->host->chain,
					   &region->gpu_nb);
	device_remove_bin_file(&region->dev, &bin_attr_retired_pages);
}
