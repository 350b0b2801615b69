// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended GPU Memory of NVIDIA Grace for virtual machines: the module
 */
#define pr_fmt(fmt) "nvgrace-egm: " fmt

#include <linux/auxiliary_bus.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/string.h>

#include <kvm.h>

#include "egm.h"

static char *map = "fault";
module_param(map, charp, 0444);
MODULE_PARM_DESC(map, "when a mapping gets its pages: fault (at the first touch, default) or remap (all at mmap)");

static const char * const egm_map_names[] = { "fault", "remap" };
static int egm_map;

static char *map_retired = "firmware";
module_param(map_retired, charp, 0444);
MODULE_PARM_DESC(map_retired, "retired pages that an owner can map: firmware (those that firmware lists, default), none, all (those that failed before its time too)");

enum { EGM_MAP_FIRMWARE, EGM_MAP_NONE, EGM_MAP_ALL };
static const char * const egm_map_retired_names[] = {
	[EGM_MAP_FIRMWARE] = "firmware",
	[EGM_MAP_NONE] = "none",
	[EGM_MAP_ALL] = "all",
};

static int egm_map_retired;

/* More than any socket has CPUs */
#define EGM_CLEAR_THREADS_MAX	1024

static unsigned int clear_threads;
module_param(clear_threads, uint, 0444);
MODULE_PARM_DESC(clear_threads, "threads that clear a region, at most 1024; 0 (default): one on each CPU that is nearest to the memory");

/**
 * egm_map_eagerly - whether mmap() fills in all of a mapping
 *
 * Return: true with map=remap.
 */
bool egm_map_eagerly(void)
{
	return egm_map;
}

/**
 * egm_map_firmware_retired - whether owners can map what firmware retired
 *
 * Return: false with map_retired=none.
 */
bool egm_map_firmware_retired(void)
{
	return egm_map_retired != EGM_MAP_NONE;
}

/**
 * egm_map_poisoned - whether owners can map what failed before their time
 *
 * Return: true with map_retired=all.
 */
bool egm_map_poisoned(void)
{
	return egm_map_retired == EGM_MAP_ALL;
}

/**
 * egm_clear_threads - how many threads are to clear a region
 *
 * Return: their number, 0: as many as there are CPUs for it.
 */
unsigned int egm_clear_threads(void)
{
	return clear_threads;
}

/*
 * The bus matched by name. Before any other member is read, make sure that the
 * parent means the same struct.
 */
static int egm_check_contract(struct nvgrace_egm_dev *egm)
{
	struct device *dev = &egm->aux_dev.dev;

	if (egm->magic != NVGRACE_EGM_MAGIC) {
		dev_err(dev, "the parent speaks another contract (magic %#llx): are both modules of the same package?\n",
			egm->magic);
		return -EINVAL;
	}
	if (egm->version != NVGRACE_EGM_VERSION ||
	    egm->struct_size != sizeof(*egm)) {
		dev_err(dev, "the parent speaks version %u (%u bytes) of the contract, not %u (%zu bytes): are both modules of the same package?\n",
			egm->version, egm->struct_size, NVGRACE_EGM_VERSION,
			sizeof(*egm));
		return -EINVAL;
	}
	return 0;
}

static int egm_probe(struct auxiliary_device *aux_dev,
		     const struct auxiliary_device_id *id)
{
	struct nvgrace_egm_dev *egm = to_nvgrace_egm_dev(aux_dev);
	struct egm_region *region;
	int ret;

	ret = egm_check_contract(egm);
	if (ret)
		return ret;

	region = egm_region_add(egm);
	if (IS_ERR(region))
		return PTR_ERR(region);

	auxiliary_set_drvdata(aux_dev, region);
	return 0;
}

static void egm_remove(struct auxiliary_device *aux_dev)
{
	egm_region_remove(auxiliary_get_drvdata(aux_dev));
}

static const struct auxiliary_device_id egm_ids[] = {
	{ .name = "nvgrace_gpu_vfio_pci." NVGRACE_EGM_DEV_NAME },
	/* NVIDIA's vGPU driver, which is not part of the kernel */
	{ .name = "nvidia_vgpu_vfio." NVGRACE_EGM_DEV_NAME },
	{}
};
MODULE_DEVICE_TABLE(auxiliary, egm_ids);

static struct auxiliary_driver egm_driver = {
	.name = "egm",
	.probe = egm_probe,
	.remove = egm_remove,
	.id_table = egm_ids,
};

static int __init egm_check_parameters(void)
{
	egm_map = match_string(egm_map_names, ARRAY_SIZE(egm_map_names), map);
	if (egm_map < 0) {
		pr_err("map=%s is neither fault nor remap\n", map);
		return -EINVAL;
	}
	egm_map_retired = match_string(egm_map_retired_names,
				       ARRAY_SIZE(egm_map_retired_names),
				       map_retired);
	if (egm_map_retired < 0) {
		pr_err("map_retired=%s is neither firmware nor none nor all\n",
		       map_retired);
		return -EINVAL;
	}
	if (clear_threads > EGM_CLEAR_THREADS_MAX) {
		pr_err("clear_threads=%u is above %u\n", clear_threads,
		       EGM_CLEAR_THREADS_MAX);
		return -EINVAL;
	}
	return 0;
}

static int __init egm_init(void)
{
	int ret;

	ret = egm_check_parameters();
	if (ret)
		return ret;
	if (compat_kvm_maps_pfnmap_as_device())
		pr_warn("KVM of this kernel maps EGM as Device memory: guests hang on it (fixed in Linux 6.17)\n");

	ret = egm_clear_init();
	if (ret)
		return ret;

	ret = egm_owner_init();
	if (ret)
		goto err_clear;

	ret = egm_region_init();
	if (ret)
		goto err_owner;

	ret = auxiliary_driver_register(&egm_driver);
	if (ret)
		goto err_region;

	return 0;

err_region:
	egm_region_exit();
err_owner:
	egm_owner_exit();
err_clear:
	egm_clear_exit();
	return ret;
}
module_init(egm_init);

static void __exit egm_exit(void)
{
	auxiliary_driver_unregister(&egm_driver);
	egm_region_exit();
	egm_owner_exit();
	egm_clear_exit();
}
module_exit(egm_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(EGM_VERSION);
MODULE_DESCRIPTION("Extended GPU Memory of NVIDIA Grace for virtual machines");
