/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_H
#define _EGM_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/kfifo.h>
#include <linux/ktime.h>
#include <linux/memory-failure.h>
#include <linux/notifier.h>
#include <linux/nvgrace-egm.h>
#include <linux/printk.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/egm.h>

/**
 * struct egm_poison - reports of memory that failed, on their way to the list
 * @space: what the memory-failure code asks
 * @registered: whether it does
 * @supported: whether it does so for all of the region
 * @ghes_nb: what firmware reports comes here
 * @work: takes the reports to the parent's list
 * @lock: protects what follows; taken where nothing may sleep
 * @reports: offsets of granules
 * @latest: the newest of @reports
 * @missed: reports that @reports or the list had no room for
 */
struct egm_poison {
	struct pfn_address_space space;
	bool registered;
	bool supported;
	struct notifier_block ghes_nb;
	struct work_struct work;
	spinlock_t lock; /* what follows */
	DECLARE_KFIFO(reports, u64, 64);
	u64 latest;
	unsigned int missed;
};

/**
 * struct egm_region - the memory of one socket, as user space sees it
 * @dev: /dev/egmX and its class device; counts references, release frees
 * @cdev: each open file holds a reference, through it, to @dev
 * @inode: owns the mapping that all open files share, whatever device node they
 *	came by, so that revoking reaches every VMA
 * @parent: module of the parent, which the owner pins; outlives @egm
 * @record: what the parent keeps for the region; there until it is removed
 * @base: physical address
 * @size: bytes
 * @pxm: ACPI proximity domain
 * @node: NUMA node of @pxm or NUMA_NO_NODE
 * @claim: the range in the kernel's resource tree, from probe to remove
 * @retired: offsets of the granules that firmware retired, ascending; fixed
 * @nr_retired: entries in @retired
 * @poison: listens for memory that fails
 * @gpu_nb: hears of GPUs that come and go, and of regions that have drained
 * @pm_nb: is asked whether the host may hibernate
 * @state_node: the attribute of that name, for who polls it; outlives the device
 * @drain_notice: says for whom an opener waits, if it waits long
 * @cleared: bytes that the last clear has cleared, or the one under way so far
 * @lock: protects what follows. Faults and mmap() hold it for reading, so that
 *	after a write section none of them is under way
 * @egm: the parent's device, NULL once the region has been removed
 * @state: who has the region. Only a clear that went through leads to
 *	EGM_STATE_IN_USE, and there is no clean idle region: whatever happens,
 *	the next opener clears all of it again
 * @clear_began: when the clear under way began, 0: none is
 * @clear_ms: milliseconds that the last clear took
 * @owner: the process that became the owner, NULL: there is none
 * @holes: offsets of the granules that the owner does not get mapped, ascending;
 *	fixed as long as it is the owner, so that all faults agree
 * @nr_holes: entries in @holes
 * @mms: address spaces that mapped the region eagerly, indexed by address, each
 *	held by mmgrab(); emptied when the owner goes
 * @settled: woken when an opener stops draining or clearing
 */
struct egm_region {
	struct device dev;
	struct cdev cdev;
	struct inode *inode;
	struct module *parent;
	struct nvgrace_egm_record *record;
	phys_addr_t base;
	u64 size;
	u32 pxm;
	int node;
	struct resource *claim;
	u64 *retired;
	unsigned int nr_retired;
	struct egm_poison poison;
	struct notifier_block gpu_nb;
	struct notifier_block pm_nb;
	struct kernfs_node *state_node;
	struct delayed_work drain_notice;
	atomic64_t cleared;

	struct rw_semaphore lock;
	struct nvgrace_egm_dev *egm;
	enum egm_state state;
	ktime_t clear_began;
	u64 clear_ms;
	struct pid *owner;
	u64 *holes;
	unsigned int nr_holes;
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
#define egm_warn_ratelimited(region, fmt, ...) \
	egm_printk(pr_warn_ratelimited, region, fmt, ##__VA_ARGS__)
#define egm_notice(region, fmt, ...) \
	egm_printk(pr_notice, region, fmt, ##__VA_ARGS__)
#define egm_info(region, fmt, ...) \
	egm_printk(pr_info, region, fmt, ##__VA_ARGS__)

/* main.c: the module's parameters */
bool egm_map_eagerly(void);
bool egm_map_firmware_retired(void);
bool egm_map_poisoned(void);
unsigned int egm_clear_threads(void);

/* region.c */
int egm_region_init(void);
void egm_region_exit(void);
struct egm_region *egm_region_add(struct nvgrace_egm_dev *egm);
void egm_region_remove(struct egm_region *region);

/* owner.c */
int egm_owner_init(void);
void egm_owner_exit(void);
int egm_owner_start(struct egm_region *region);
int egm_owner_acquire(struct egm_region *region, bool nonblock);
void egm_owner_release(struct egm_region *region);
void egm_owner_shutdown(struct egm_region *region);
enum egm_state egm_owner_state(struct egm_region *region);

/* clear.c */
int egm_clear_init(void);
void egm_clear_exit(void);
void egm_clear_begin(struct egm_region *region);
int egm_clear(struct egm_region *region);
u64 egm_clear_ms(struct egm_region *region);

/* mapping.c */
unsigned long egm_mapping_block_size(struct egm_region *region);
unsigned long egm_mapping_area(struct egm_region *region, struct file *file,
			       unsigned long address, unsigned long len,
			       unsigned long pgoff, unsigned long flags);
bool egm_mapping_is_hole(struct egm_region *region, u64 offset);
int egm_mapping_add(struct egm_region *region, struct vm_area_struct *vma);
void egm_mapping_forget(struct egm_region *region);
void egm_mapping_revoke(struct egm_region *region);

/* retired.c */
void egm_retired_sort(u64 *granules, unsigned int n);
u64 egm_retired_search(const u64 *granules, unsigned int n, u64 offset);
u64 egm_retired_next(struct egm_region *region, u64 offset);
int egm_retired_add(struct egm_region *region, u64 offset);
const char *egm_retired_get(struct egm_region *region, u64 index, u64 *offset);
int egm_retired_merge(struct egm_region *region, bool firmware, bool poisoned,
		      u64 **granules);

/* retired_table.c */
int egm_retired_table_load(struct egm_region *region, phys_addr_t table);

/* poison.c */
void egm_poison_init(struct egm_region *region);
void egm_poison_start(struct egm_region *region);
void egm_poison_settle(struct egm_region *region);
void egm_poison_stop(struct egm_region *region);

/* chardev.c */
extern const struct file_operations egm_fops;

/* sysfs.c */
extern const struct attribute_group *egm_groups[];
int egm_sysfs_add(struct egm_region *region);
void egm_sysfs_remove(struct egm_region *region);
void egm_sysfs_state_changed(struct egm_region *region);

#endif /* _EGM_H */
