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

/**
 * egm_map_eagerly - whether mmap() fills in all of a mapping
 *
 * Return: true with map=remap.
 */
bool egm_map_eagerly(void)
{
	return egm_map;
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

static int __init egm_init(void)
{
	int ret;

	egm_map = match_string(egm_map_names, ARRAY_SIZE(egm_map_names), map);
	if (egm_map < 0) {
		pr_err("map=%s is neither fault nor remap\n", map);
		return -EINVAL;
	}
	if (compat_kvm_maps_pfnmap_as_device())
		pr_warn("KVM of this kernel maps EGM as Device memory: guests hang on it (fixed in Linux 6.17)\n");

	ret = egm_region_init();
	if (ret)
		return ret;

	ret = auxiliary_driver_register(&egm_driver);
	if (ret)
		goto err_region;

	return 0;

err_region:
	egm_region_exit();
	return ret;
}
module_init(egm_init);

static void __exit egm_exit(void)
{
	auxiliary_driver_unregister(&egm_driver);
	egm_region_exit();
}
module_exit(egm_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(EGM_VERSION);
MODULE_DESCRIPTION("Extended GPU Memory of NVIDIA Grace for virtual machines");
