// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: claim the memory, publish the device, and take both back
 */
#include <linux/acpi.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "egm.h"

/* A region that was removed keeps its minor while a file of it is open. */
#define EGM_MINORS	(2 * MAX_PXM_DOMAINS)

static dev_t egm_devt;
static DEFINE_IDA(egm_minors);
static struct vfsmount *egm_mnt;

/* Not ours to free: whoever looks at it last may do so after this module. */
static struct class *egm_class;

static int egm_fs_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x65676d00) ? 0 : -ENOMEM;
}

/*
 * Private inodes live here. No .owner: the mount below would hold a reference
 * to this module for as long as the module is loaded, and it goes away in
 * egm_region_exit(), when no inode is left.
 */
static struct file_system_type egm_fs_type = {
	.name = "egm",
	.init_fs_context = egm_fs_init_fs_context,
	.kill_sb = kill_anon_super,
};

static void egm_region_free(struct device *dev)
{
	struct egm_region *region = to_egm_region(dev);
	int minor = MINOR(dev->devt) - MINOR(egm_devt);

	sysfs_put(region->state_node);
	iput(region->inode);
	kvfree(region->retired);
	kfree(region);

	/* Last: egm_region_exit() waits for it. */
	ida_free(&egm_minors, minor);
	/* Whether somebody waits is read after the minor is free. */
	smp_mb();
	wake_up_var(&egm_minors);
}

static struct egm_region *egm_region_alloc(struct nvgrace_egm_dev *egm)
{
	struct egm_region *region;
	struct inode *inode;
	int minor, ret;

	region = kzalloc_obj(*region);
	if (!region)
		return ERR_PTR(-ENOMEM);

	minor = ida_alloc_max(&egm_minors, EGM_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		ret = minor;
		goto err_free;
	}

	inode = alloc_anon_inode(egm_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		ret = PTR_ERR(inode);
		goto err_minor;
	}

	region->inode = inode;
	region->egm = egm;
	region->parent = egm->owner;
	region->record = egm->record;
	region->base = egm->base;
	region->size = egm->size;
	region->pxm = egm->pxm;
	region->node = pxm_to_node(region->pxm);
	init_rwsem(&region->lock);
	xa_init(&region->mms);
	init_waitqueue_head(&region->settled);
	egm_poison_init(region);

	device_initialize(&region->dev);
	region->dev.class = egm_class;
	/* The default mode of a device node is 0600: right for memory like this. */
	region->dev.groups = egm_groups;
	region->dev.parent = &egm->aux_dev.dev;
	region->dev.release = egm_region_free;
	region->dev.devt = MKDEV(MAJOR(egm_devt), MINOR(egm_devt) + minor);
	cdev_init(&region->cdev, &egm_fops);
	region->cdev.owner = THIS_MODULE;

	ret = dev_set_name(&region->dev, "egm%u", region->pxm);
	if (ret) {
		put_device(&region->dev);
		return ERR_PTR(ret);
	}
	return region;

err_minor:
	ida_free(&egm_minors, minor);
err_free:
	kfree(region);
	return ERR_PTR(ret);
}

/* What lies in the way of a claim. Resources come and go, so it is a copy. */
static int egm_region_conflict(struct resource *res, void *data)
{
	*(struct resource *)data = *res;
	return 1;
}

/*
 * Keeps every other driver out, and /dev/mem where the kernel is built with
 * STRICT_DEVMEM.
 */
static int egm_region_claim(struct egm_region *region)
{
	struct resource conflict = {};

	region->claim = request_mem_region_exclusive(region->base, region->size,
						     dev_name(&region->dev));
	if (!region->claim) {
		/* It does not say why: without a conflict there was no memory. */
		if (walk_iomem_res_desc(IORES_DESC_NONE, 0, region->base,
					region->base + region->size - 1,
					&conflict, egm_region_conflict) != 1)
			return -ENOMEM;
		egm_err(region, "cannot claim [%#llx-%#llx]: %pR lies there\n",
			(u64)region->base, region->base + region->size - 1,
			&conflict);
		return -EBUSY;
	}
	region->claim->desc = IORES_DESC_RESERVED;
	return 0;
}

/**
 * egm_region_add - offer a parent's memory to user space
 * @egm: the parent's device
 *
 * The memory is claimed before anything touches it, and the device is published
 * last, with its attributes and links in place when the uevent goes out.
 *
 * Return: the region or an ERR_PTR().
 */
struct egm_region *egm_region_add(struct nvgrace_egm_dev *egm)
{
	struct egm_region *region;
	int ret;

	region = egm_region_alloc(egm);
	if (IS_ERR(region))
		return region;

	ret = egm_region_claim(region);
	if (ret)
		goto err_put;

	ret = egm_retired_table_load(region, egm->retired_base);
	if (ret)
		goto err_release;

	ret = egm_owner_start(region);
	if (ret)
		goto err_release;

	dev_set_uevent_suppress(&region->dev, true);
	ret = cdev_device_add(&region->cdev, &region->dev);
	if (ret)
		goto err_shutdown;

	egm_poison_start(region);
	ret = egm_sysfs_add(region);
	if (ret)
		goto err_del;

	dev_set_uevent_suppress(&region->dev, false);
	kobject_uevent(&region->dev.kobj, KOBJ_ADD);

	egm_info(region, "%llu MiB of proximity domain %u, %u retired pages, mappings of %lu KiB\n",
		 region->size / SZ_1M, region->pxm, region->nr_retired,
		 egm_mapping_block_size(region) / SZ_1K);
	return region;

err_del:
	egm_poison_stop(region);
	cdev_device_del(&region->cdev, &region->dev);
err_shutdown:
	/* The number was in use for a moment: somebody may have opened it. */
	egm_owner_shutdown(region);
err_release:
	release_mem_region(region->base, region->size);
err_put:
	put_device(&region->dev);
	return ERR_PTR(ret);
}

/**
 * egm_region_remove - take the memory back
 * @region: the region
 *
 * After this returns, nothing of this module touches the memory or the parent's
 * device. Files may stay open: every call on them says -ENODEV, every touch of
 * their mappings is SIGBUS, and the last of them frees the region.
 */
void egm_region_remove(struct egm_region *region)
{
	egm_poison_stop(region);
	egm_sysfs_remove(region);
	cdev_device_del(&region->cdev, &region->dev);
	egm_owner_shutdown(region);
	release_mem_region(region->base, region->size);
	put_device(&region->dev);
}

/**
 * egm_region_init - prepare what all regions share
 *
 * Return: 0 or a negative errno.
 */
int egm_region_init(void)
{
	int ret;

	egm_mnt = kern_mount(&egm_fs_type);
	if (IS_ERR(egm_mnt))
		return PTR_ERR(egm_mnt);

	ret = alloc_chrdev_region(&egm_devt, 0, EGM_MINORS, "egm");
	if (ret)
		goto err_unmount;

	egm_class = class_create("egm");
	if (IS_ERR(egm_class)) {
		ret = PTR_ERR(egm_class);
		goto err_chrdev;
	}

	return 0;

err_chrdev:
	unregister_chrdev_region(egm_devt, EGM_MINORS);
err_unmount:
	kern_unmount(egm_mnt);
	return ret;
}

/**
 * egm_region_exit - undo egm_region_init(); all regions have been removed
 *
 * Nobody has a file of theirs, but somebody may still look at a device: what
 * frees it then is in this module.
 */
void egm_region_exit(void)
{
	wait_var_event(&egm_minors, ida_is_empty(&egm_minors));
	/* Whoever freed the last may have been preempted on its way out of here. */
	synchronize_rcu_tasks();
	class_destroy(egm_class);
	unregister_chrdev_region(egm_devt, EGM_MINORS);
	kern_unmount(egm_mnt);
}
