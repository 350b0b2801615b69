/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_H
#define _EGM_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/nvgrace-egm.h>
#include <linux/printk.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

/**
 * enum egm_state - who has the region
 * @EGM_IDLE: nobody
 * @EGM_DRAINING: an opener waits until the last owner's GPUs are closed
 * @EGM_CLEARING: an opener clears it
 * @EGM_IN_USE: its owner
 *
 * Only a clear that went through leads to EGM_IN_USE. There is no clean idle
 * region: whatever happens, the next opener clears all of it again.
 */
enum egm_state {
	EGM_IDLE,
	EGM_DRAINING,
	EGM_CLEARING,
	EGM_IN_USE,
};

/**
 * struct egm_region - the memory of one socket, as user space sees it
 * @dev: /dev/egmX and its class device; counts references, release frees
 * @cdev: each open file holds a reference, through it, to @dev
 * @inode: owns the mapping that all open files share, whatever device node they
 *	came by, so that revoking reaches every VMA
 * @parent: module of the parent, which the owner pins; outlives @egm
 * @base: physical address
 * @size: bytes
 * @pxm: ACPI proximity domain
 * @claim: the range in the kernel's resource tree, from probe to remove
 * @retired: offsets of the granules that firmware retired, ascending; fixed
 * @nr_retired: entries in @retired
 * @gpu_nb: hears of GPUs that come, go and are closed
 * @state_node: the attribute of that name, for who polls it; outlives the device
 * @lock: protects what follows. Faults and mmap() hold it for reading, so that
 *	after a write section none of them is under way
 * @egm: the parent's device, NULL once the region has been removed
 * @state: who has the region
 * @mms: address spaces that mapped the region eagerly, indexed by address, each
 *	held by mmgrab(); emptied when the owner goes
 * @settled: woken when an opener stops draining or clearing
 */
struct egm_region {
	struct device dev;
	struct cdev cdev;
	struct inode *inode;
	struct module *parent;
	phys_addr_t base;
	u64 size;
	u32 pxm;
	struct resource *claim;
	u64 *retired;
	unsigned int nr_retired;
	struct notifier_block gpu_nb;
	struct kernfs_node *state_node;

	struct rw_semaphore lock;
	struct nvgrace_egm_dev *egm;
	enum egm_state state;
	struct xarray mms;
	wait_queue_head_t settled;
};

static inline struct egm_region *to_egm_region(struct device *dev)
{
	return container_of(dev, struct egm_region, dev);
}

/* Every line about a region starts alike, whoever its parent is. */
#define egm_printk(print, region, fmt, ...) \
	print("nvgrace-egm %s: " fmt, dev_name(&(region)->dev), ##__VA_ARGS__)
#define egm_err(region, fmt, ...) \
	egm_printk(pr_err, region, fmt, ##__VA_ARGS__)
#define egm_err_ratelimited(region, fmt, ...) \
	egm_printk(pr_err_ratelimited, region, fmt, ##__VA_ARGS__)
#define egm_warn(region, fmt, ...) \
	egm_printk(pr_warn, region, fmt, ##__VA_ARGS__)
#define egm_notice(region, fmt, ...) \
	egm_printk(pr_notice, region, fmt, ##__VA_ARGS__)
#define egm_info(region, fmt, ...) \
	egm_printk(pr_info, region, fmt, ##__VA_ARGS__)

/* main.c: the module's parameters */
bool egm_map_eagerly(void);

/* region.c */
extern const struct class egm_class;
int egm_region_init(void);
void egm_region_exit(void);
struct egm_region *egm_region_add(struct nvgrace_egm_dev *egm);
void egm_region_remove(struct egm_region *region);

/* owner.c */
int egm_owner_acquire(struct egm_region *region, bool nonblock);
void egm_owner_release(struct egm_region *region);
void egm_owner_shutdown(struct egm_region *region);
const char *egm_owner_state(struct egm_region *region);

/* clear.c */
int egm_clear(struct egm_region *region);

/* mapping.c */
int egm_mapping_add(struct egm_region *region, struct vm_area_struct *vma);
void egm_mapping_forget(struct egm_region *region);
void egm_mapping_revoke(struct egm_region *region);

/* retired.c */
void egm_retired_load(struct egm_region *region, phys_addr_t table);

/* chardev.c */
extern const struct file_operations egm_fops;

/* sysfs.c */
extern const struct attribute_group *egm_groups[];
int egm_sysfs_add(struct egm_region *region);
void egm_sysfs_remove(struct egm_region *region);
void egm_sysfs_state_changed(struct egm_region *region);

#endif /* _EGM_H */
