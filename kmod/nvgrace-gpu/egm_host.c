// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all regions share: whether DMA may still reach what a former owner has mapped
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "nvgrace_gpu.h"

/*
 * Draining
 *
 * VFIO's type1 container maps the memory by PFN and holds no reference to the
 * file, so DMA may outlive the owner. Nor does it end when a GPU is closed: as long
 * as its IOMMU group is in the container, whoever has that can open it again, or
 * put in another one. The mappings are gone once there was a moment in which no GPU
 * that may have been in there was in any container. Nothing tells of that: a work
 * looks for such a moment, every so often.
 */
#define EGM_HOST_LOOK	msecs_to_jiffies(20)

/* Protects what follows, and what a GPU and a record have for this file. */
static DEFINE_MUTEX(drain_lock);

/* All GPUs */
static LIST_HEAD(drain_gpus);

/* The records of the regions that drain */
static LIST_HEAD(drain_records);

/* Whose DMA may have reached the region: the socket's, and what its owner opened */
static bool egm_host_counts(struct nvgrace_gpu *gpu,
			    struct nvgrace_egm_record *record)
{
	struct nvgrace_egm_dev *egm = gpu->egm_gpu.egm;

	return (egm && egm->record == record) ||
	       gpu->opened_by == record->last_owner;
}

/* What VFIO asks of a device before it claims it; without, its group may be a fake. */
static bool egm_host_translated(struct nvgrace_gpu *gpu)
{
	return device_iommu_capable(&gpu->core.pdev->dev,
				    IOMMU_CAP_CACHE_COHERENCY);
}

/*
 * Whether a user of VFIO has the GPU, which need not be open for that. A driver of
 * another function in its group counts as one: VFIO cannot use such a GPU at all.
 */
static bool egm_host_in_use(struct nvgrace_gpu *gpu)
{
	struct iommu_group *group;
	bool claimed;

	if (gpu->open || !egm_host_translated(gpu))
		return gpu->open;
	group = iommu_group_get(&gpu->core.pdev->dev);
	claimed = iommu_group_dma_owner_claimed(group);
	iommu_group_put(group);
	return claimed;
}

static bool egm_host_claim(struct nvgrace_gpu *gpu)
{
	if (!egm_host_translated(gpu))
		return true;
	gpu->claimed = !iommu_device_claim_dma_owner(&gpu->core.pdev->dev,
						     &egm_host);
	return gpu->claimed;
}

/*
 * GPUs that are looked at one after the other could change places meanwhile. So if
 * there are several, "none" is the answer only if this file has had them all at
 * once. VFIO's users are turned away for as long as that takes; where one of them is
 * there anyway, this is not tried.
 */
static struct nvgrace_gpu *egm_host_user(struct nvgrace_egm_record *record)
{
	struct nvgrace_gpu *gpu, *user = NULL;
	unsigned int count = 0;

	lockdep_assert_held(&drain_lock);
	list_for_each_entry(gpu, &drain_gpus, drain_node) {
		if (!egm_host_counts(gpu, record))
			continue;
		if (egm_host_in_use(gpu))
			return gpu;
		count++;
	}
	if (count < 2)
		return NULL;

	list_for_each_entry(gpu, &drain_gpus, drain_node) {
		if (egm_host_counts(gpu, record) && !egm_host_claim(gpu)) {
			user = gpu;
			break;
		}
	}
	list_for_each_entry(gpu, &drain_gpus, drain_node) {
		if (gpu->claimed)
			iommu_device_release_dma_owner(&gpu->core.pdev->dev);
		gpu->claimed = false;
	}
	return user;
}

/* Whether the region drains. */
static bool egm_host_drains(struct nvgrace_egm_record *record)
{
	struct nvgrace_gpu *gpu = egm_host_user(record);

	guard(spinlock)(&egm_host.lock);
	record->waits_for = gpu ? &gpu->egm_gpu : NULL;
	return gpu;
}

static void egm_host_look(struct work_struct *work);
static DECLARE_DELAYED_WORK(drain_work, egm_host_look);
static DEFINE_MUTEX(drain_flush_lock);

/* Not while devices sleep: their IOMMU may, too. */
static void egm_host_look_later(void)
{
	queue_delayed_work(system_freezable_wq, &drain_work, EGM_HOST_LOOK);
}

/*
 * By the work, whoever asks: where there is no memory to give a GPU back, the IOMMU
 * core can only warn, and a process that is killed for want of memory is refused it.
 *
 * One at a time: a work that somebody else is about to queue is not yet there to be
 * flushed, and the look would be over before it has begun.
 */
static void egm_host_look_now(void)
{
	guard(mutex)(&drain_flush_lock);
	egm_host_look_later();
	flush_delayed_work(&drain_work);
}

static void egm_host_look(struct work_struct *work)
{
	struct nvgrace_egm_record *record, *next;
	bool drained = false;

	scoped_guard(mutex, &drain_lock) {
		list_for_each_entry_safe(record, next, &drain_records,
					 drain_node) {
			const bool waited = record->waits_for;

			if (egm_host_drains(record))
				continue;
			list_del(&record->drain_node);
			drained |= waited;
		}
		if (!list_empty(&drain_records))
			egm_host_look_later();
	}
	if (!drained)
		return;
	wake_up_all(&egm_host.drained);
	blocking_notifier_call_chain(&egm_host.chain, NVGRACE_EGM_DRAINED, NULL);
}

static void egm_host_owner_left(struct nvgrace_egm_dev *egm, struct pid *owner)
{
	struct nvgrace_egm_record *record = egm->record;

	scoped_guard(mutex, &drain_lock) {
		put_pid(record->last_owner);
		record->last_owner = get_pid(owner);
		list_add_tail(&record->drain_node, &drain_records);
	}
	egm_host_look_now();
}

struct nvgrace_egm_host egm_host = {
	.owner_left = egm_host_owner_left,
	.chain = BLOCKING_NOTIFIER_INIT(egm_host.chain),
	.drained = __WAIT_QUEUE_HEAD_INITIALIZER(egm_host.drained),
	.lock = __SPIN_LOCK_UNLOCKED(egm_host.lock),
};

/**
 * egm_host_tell - tell the regions of a GPU
 * @gpu: the GPU
 * @event: what happened to it
 */
void egm_host_tell(struct nvgrace_gpu *gpu, enum nvgrace_egm_event event)
{
	blocking_notifier_call_chain(&egm_host.chain, event, &gpu->egm_gpu);
}

/**
 * egm_host_add_gpu - a GPU is there that may be opened
 * @gpu: the GPU, in its region, and not yet registered with VFIO
 */
void egm_host_add_gpu(struct nvgrace_gpu *gpu)
{
	guard(mutex)(&drain_lock);
	list_add_tail(&gpu->drain_node, &drain_gpus);
}

/**
 * egm_host_del_gpu - undo egm_host_add_gpu()
 * @gpu: the GPU, no longer registered with VFIO, which has taken its group out of
 *	any container unless another function keeps it there
 */
void egm_host_del_gpu(struct nvgrace_gpu *gpu)
{
	bool draining;

	scoped_guard(mutex, &drain_lock) {
		list_del(&gpu->drain_node);
		put_pid(gpu->opened_by);
		draining = !list_empty(&drain_records);
	}
	/*
	 * Nobody may wait for it any more. Not if nobody waits at all: a GPU that is
	 * unplugged while the host wakes up must not wait for what is still frozen.
	 */
	if (draining)
		egm_host_look_now();
}

/**
 * egm_host_gpu_opened - a GPU is about to be opened through VFIO
 * @gpu: the GPU, which cannot do DMA yet
 */
void egm_host_gpu_opened(struct nvgrace_gpu *gpu)
{
	guard(mutex)(&drain_lock);
	gpu->open = true;
	put_pid(gpu->opened_by);
	gpu->opened_by = get_pid(task_tgid(current));
}

/**
 * egm_host_gpu_closed - a GPU opened through VFIO has been closed
 * @gpu: the GPU, which can no longer do DMA
 */
void egm_host_gpu_closed(struct nvgrace_gpu *gpu)
{
	guard(mutex)(&drain_lock);
	gpu->open = false;
}

/**
 * egm_host_exit - the module goes
 *
 * All GPUs have left, so nothing drains.
 */
void egm_host_exit(void)
{
	cancel_delayed_work_sync(&drain_work);
}
