// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all regions share: the GPUs whose DMA may reach what their users have mapped
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
 * A GPU does DMA only while it is open. But whoever has closed it, and keeps its
 * IOMMU group in the container with all that is mapped there, may open it again.
 * So a GPU is on the list until its group has left the container, and its number
 * stays the same. Nothing tells of that: a work looks for it, every so often. Users
 * who change between two looks are taken for one.
 */
#define EGM_HOST_LOOK	msecs_to_jiffies(20)

/*
 * Serializes users who come and go. The list has a lock of its own for the
 * children, who must not sleep.
 */
static DEFINE_MUTEX(users_lock);

static void egm_host_owner_left(struct nvgrace_egm_dev *egm);

struct nvgrace_egm_host egm_host = {
	.owner_left = egm_host_owner_left,
	.gpu_chain = BLOCKING_NOTIFIER_INIT(egm_host.gpu_chain),
	.closed = __WAIT_QUEUE_HEAD_INITIALIZER(egm_host.closed),
	.lock = __SPIN_LOCK_UNLOCKED(egm_host.lock),
	.open_gpus = LIST_HEAD_INIT(egm_host.open_gpus),
	.records = LIST_HEAD_INIT(egm_host.records),
};

/* Whether a user of VFIO has the GPU, which need not be open for that. */
static bool egm_host_claimed(struct nvgrace_gpu *gpu)
{
	struct iommu_group *group = iommu_group_get(&gpu->core.pdev->dev);
	bool claimed;

	if (!group)
		return false;
	claimed = iommu_group_dma_owner_claimed(group);
	iommu_group_put(group);
	return claimed;
}

static bool egm_host_listed(struct nvgrace_gpu *gpu)
{
	lockdep_assert_held(&users_lock);
	return !list_empty(&gpu->egm_gpu.open_node);
}

/*
 * As long as one GPU is waited for, so is whoever comes to the list: it may be in
 * the same container, and stay there with the mappings when the first has left.
 */
static void egm_host_list(struct nvgrace_gpu *gpu)
{
	struct nvgrace_egm_record *record;

	lockdep_assert_held(&users_lock);
	guard(spinlock)(&egm_host.lock);
	gpu->egm_gpu.opened = ++egm_host.opens;
	list_for_each_entry(record, &egm_host.records, node)
		if (nvgrace_egm_drains(&egm_host, record))
			record->drain_until = egm_host.opens;
	list_add_tail(&gpu->egm_gpu.open_node, &egm_host.open_gpus);
}

static void egm_host_unlist(struct nvgrace_gpu *gpu)
{
	struct pid *opened_by = NULL;

	lockdep_assert_held(&users_lock);
	scoped_guard(spinlock, &egm_host.lock) {
		list_del_init(&gpu->egm_gpu.open_node);
		swap(gpu->egm_gpu.opened_by, opened_by);
	}
	put_pid(opened_by);

	wake_up_all(&egm_host.closed);
	egm_host_tell(gpu, NVGRACE_EGM_GPU_CLOSED);
}

static void egm_host_look(struct work_struct *work)
{
	struct nvgrace_gpu *gpu = container_of(to_delayed_work(work),
					       struct nvgrace_gpu, user_look);

	guard(mutex)(&users_lock);
	if (gpu->user_open || !egm_host_listed(gpu))
		return;
	if (egm_host_claimed(gpu))
		schedule_delayed_work(&gpu->user_look, EGM_HOST_LOOK);
	else
		egm_host_unlist(gpu);
}

/* The GPUs that are not open, but can be opened in a container of that time. */
static void egm_host_owner_left(struct nvgrace_egm_dev *egm)
{
	struct nvgrace_gpu *gpu;

	guard(mutex)(&users_lock);
	guard(rwsem_read)(&egm->gpus_lock);
	list_for_each_entry(gpu, &egm->gpus, egm_gpu.node) {
		if (egm_host_listed(gpu) || !egm_host_claimed(gpu))
			continue;
		egm_host_list(gpu);
		schedule_delayed_work(&gpu->user_look, EGM_HOST_LOOK);
	}
}

/**
 * egm_host_tell - tell the regions of a GPU
 * @gpu: the GPU
 * @event: what happened to it
 */
void egm_host_tell(struct nvgrace_gpu *gpu, enum nvgrace_egm_gpu_event event)
{
	blocking_notifier_call_chain(&egm_host.gpu_chain, event, &gpu->egm_gpu);
}

/**
 * egm_host_add_record - there is memory that may have owners
 * @record: of the memory
 */
void egm_host_add_record(struct nvgrace_egm_record *record)
{
	guard(spinlock)(&egm_host.lock);
	list_add_tail(&record->node, &egm_host.records);
}

/**
 * egm_host_del_record - undo egm_host_add_record()
 * @record: of the memory
 */
void egm_host_del_record(struct nvgrace_egm_record *record)
{
	guard(spinlock)(&egm_host.lock);
	list_del(&record->node);
}

/**
 * egm_host_add_gpu - a GPU is there that may be opened
 * @gpu: the GPU, neither in a region nor registered with VFIO
 */
void egm_host_add_gpu(struct nvgrace_gpu *gpu)
{
	gpu->egm_gpu.pdev = gpu->core.pdev;
	INIT_LIST_HEAD(&gpu->egm_gpu.open_node);
	INIT_DELAYED_WORK(&gpu->user_look, egm_host_look);
}

/**
 * egm_host_del_gpu - undo egm_host_add_gpu()
 * @gpu: the GPU, on no region's list and not registered with VFIO, which has taken
 *	its group out of any container unless another function keeps it there
 */
void egm_host_del_gpu(struct nvgrace_gpu *gpu)
{
	cancel_delayed_work_sync(&gpu->user_look);

	guard(mutex)(&users_lock);
	if (egm_host_listed(gpu))
		egm_host_unlist(gpu);
}

/**
 * egm_host_gpu_opened - a GPU is about to be opened through VFIO
 * @gpu: the GPU, which cannot do DMA yet
 */
void egm_host_gpu_opened(struct nvgrace_gpu *gpu)
{
	guard(mutex)(&users_lock);
	gpu->user_open = true;
	if (!egm_host_listed(gpu))
		egm_host_list(gpu);

	guard(spinlock)(&egm_host.lock);
	if (!gpu->egm_gpu.opened_by)
		gpu->egm_gpu.opened_by = get_pid(task_tgid(current));
}

/**
 * egm_host_gpu_closed - a GPU opened through VFIO has been closed
 * @gpu: the GPU, which can no longer do DMA; its user is still in place
 */
void egm_host_gpu_closed(struct nvgrace_gpu *gpu)
{
	guard(mutex)(&users_lock);
	gpu->user_open = false;
	schedule_delayed_work(&gpu->user_look, EGM_HOST_LOOK);
}
