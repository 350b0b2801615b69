// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in parent for tests: one auxiliary device without a GPU, under any
 * name and with any header, so that it is seen what nvgrace-egm accepts
 */
#include <linux/auxiliary_bus.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/wait.h>

#include <linux/nvgrace-egm.h>

static char *modname = "nvgrace_gpu_vfio_pci";
module_param(modname, charp, 0444);
MODULE_PARM_DESC(modname, "whose name the device carries");

static unsigned int pxm = 4;
module_param(pxm, uint, 0444);
MODULE_PARM_DESC(pxm, "proximity domain");

static unsigned long long base;
module_param(base, ullong, 0444);
MODULE_PARM_DESC(base, "physical address of the region");

static unsigned long long size;
module_param(size, ullong, 0444);
MODULE_PARM_DESC(size, "bytes in the region");

static unsigned long long retired_base;
module_param(retired_base, ullong, 0444);
MODULE_PARM_DESC(retired_base, "physical address of the table of retired pages, 0: none");

static unsigned long long magic = NVGRACE_EGM_MAGIC;
module_param(magic, ullong, 0444);
MODULE_PARM_DESC(magic, "another one than the contract's: the struct ends behind it");

static unsigned int version = NVGRACE_EGM_VERSION;
module_param(version, uint, 0444);
MODULE_PARM_DESC(version, "version of the contract");

static unsigned int struct_size = sizeof(struct nvgrace_egm_dev);
module_param(struct_size, uint, 0444);
MODULE_PARM_DESC(struct_size, "size of the contract's struct");

static struct device *parent;
static struct nvgrace_egm_dev *egm;

static void egm_parent_owner_left(struct nvgrace_egm_dev *dev, struct pid *owner)
{
}

static struct nvgrace_egm_host host = {
	.owner_left = egm_parent_owner_left,
	.chain = BLOCKING_NOTIFIER_INIT(host.chain),
	.drained = __WAIT_QUEUE_HEAD_INITIALIZER(host.drained),
	.lock = __SPIN_LOCK_UNLOCKED(host.lock),
};

static struct nvgrace_egm_record record = {
	.poison_lock = __SPIN_LOCK_UNLOCKED(record.poison_lock),
};

static void egm_parent_release(struct device *dev)
{
	kfree(to_nvgrace_egm_dev(to_auxiliary_dev(dev)));
}

/* What a parent of another layout does not have must not be read either. */
static void egm_parent_fill(void)
{
	egm->magic = magic;
	if (magic != NVGRACE_EGM_MAGIC)
		return;

	egm->version = version;
	egm->struct_size = struct_size;
	egm->owner = THIS_MODULE;
	egm->base = base;
	egm->size = size;
	egm->pxm = pxm;
	egm->retired_base = retired_base;
	init_rwsem(&egm->gpus_lock);
	INIT_LIST_HEAD(&egm->gpus);
	egm->host = &host;
	egm->record = &record;
}

static int __init egm_parent_init(void)
{
	int ret;

	parent = root_device_register(KBUILD_MODNAME);
	if (IS_ERR(parent))
		return PTR_ERR(parent);

	egm = kzalloc(magic == NVGRACE_EGM_MAGIC ?
			      sizeof(*egm) :
			      offsetofend(struct nvgrace_egm_dev, magic),
		      GFP_KERNEL);
	if (!egm) {
		ret = -ENOMEM;
		goto err_root;
	}
	egm_parent_fill();

	egm->aux_dev.name = NVGRACE_EGM_DEV_NAME;
	egm->aux_dev.id = pxm;
	egm->aux_dev.dev.parent = parent;
	egm->aux_dev.dev.release = egm_parent_release;
	ret = auxiliary_device_init(&egm->aux_dev);
	if (ret) {
		kfree(egm);
		goto err_root;
	}

	ret = __auxiliary_device_add(&egm->aux_dev, modname);
	if (ret) {
		auxiliary_device_uninit(&egm->aux_dev);
		goto err_root;
	}
	return 0;

err_root:
	root_device_unregister(parent);
	return ret;
}
module_init(egm_parent_init);

static void __exit egm_parent_exit(void)
{
	auxiliary_device_delete(&egm->aux_dev);
	auxiliary_device_uninit(&egm->aux_dev);
	root_device_unregister(parent);
}
module_exit(egm_parent_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stand-in for the parent of nvgrace-egm, for tests");
