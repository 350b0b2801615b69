// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ownership: who has the region, and what must happen before the next one has it
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "egm.h"

#define EGM_DRAIN_NOTICE	(5 * HZ)

/* Set before any region is asked whether the host may hibernate. */
static bool egm_hibernating;

static bool egm_owner_drained(struct nvgrace_egm_dev *egm)
{
	guard(spinlock)(&egm->host->lock);
	return !egm->record->waits_for;
}

/* Removal waits until no opener waits, and this work goes with the opener. */
static void egm_owner_drain_notice(struct work_struct *work)
{
	struct egm_region *region = container_of(to_delayed_work(work),
						 struct egm_region,
						 drain_notice);
	struct nvgrace_egm_dev *egm = READ_ONCE(region->egm);
	struct nvgrace_egm_gpu *gpu;

	if (!egm)
		return;
	guard(spinlock)(&egm->host->lock);
	gpu = egm->record->waits_for;
	if (gpu)
		egm_notice(region, "open() waits for GPU %s, which is open through VFIO or in a container\n",
			   pci_name(gpu->pdev));
}

static int egm_owner_drain(struct egm_region *region,
			   struct nvgrace_egm_dev *egm)
{
	int ret;

	if (egm_owner_drained(egm))
		return 0;

	schedule_delayed_work(&region->drain_notice, EGM_DRAIN_NOTICE);
	ret = wait_event_state(egm->host->drained,
			       egm_owner_drained(egm) || !READ_ONCE(region->egm),
			       (TASK_KILLABLE | TASK_FREEZABLE));
	cancel_delayed_work_sync(&region->drain_notice);
	return ret < 0 ? -EINTR : 0;
}

/*
 * The image does not hold this memory: after hibernation it would be lost. So
 * owners stay away between the question and the answer.
 */
static int egm_owner_hibernation(struct notifier_block *nb, unsigned long event,
				 void *data)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		WRITE_ONCE(egm_hibernating, true);
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(egm_hibernating, false);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block egm_owner_hibernation_nb = {
	.notifier_call = egm_owner_hibernation,
	/* Before any region's. */
	.priority = 1,
};

static int egm_owner_may_hibernate(struct notifier_block *nb,
				   unsigned long event, void *data)
{
	struct egm_region *region = container_of(nb, struct egm_region, pm_nb);

	if (event != PM_HIBERNATION_PREPARE && event != PM_RESTORE_PREPARE)
		return NOTIFY_DONE;

	/* Who takes the lock later to become the owner sees that owners stay away. */
	guard(rwsem_write)(&region->lock);
	if (region->state == EGM_STATE_IDLE)
		return NOTIFY_OK;
	egm_err(region, "the host cannot hibernate: the region is in use and would be lost\n");
	return notifier_from_errno(-EBUSY);
}

static void egm_owner_set_state(struct egm_region *region, enum egm_state state)
{
	lockdep_assert_held_write(&region->lock);
	WRITE_ONCE(region->state, state);
	egm_sysfs_state_changed(region);
}

/**
 * egm_owner_init - hear when owners have to stay away
 *
 * Return: 0 or a negative errno.
 */
int egm_owner_init(void)
{
	return register_pm_notifier(&egm_owner_hibernation_nb);
}

/**
 * egm_owner_exit - undo egm_owner_init(); all regions have been removed
 */
void egm_owner_exit(void)
{
	unregister_pm_notifier(&egm_owner_hibernation_nb);
}

/**
 * egm_owner_start - let owners come
 * @region: the region, not yet published
 *
 * Return: 0 or a negative errno; egm_owner_shutdown() undoes it.
 */
int egm_owner_start(struct egm_region *region)
{
	INIT_DELAYED_WORK(&region->drain_notice, egm_owner_drain_notice);
	region->pm_nb.notifier_call = egm_owner_may_hibernate;
	return register_pm_notifier(&region->pm_nb);
}

/* What the owner must not get mapped; what the clear spared is always among it. */
static int egm_owner_set_holes(struct egm_region *region)
{
	int n = egm_retired_merge(region, !egm_map_firmware_retired(),
				  !egm_map_poisoned(), &region->holes);

	region->nr_holes = max(n, 0);
	return min(n, 0);
}

static void egm_owner_drop_holes(struct egm_region *region)
{
	kvfree(region->holes);
	region->holes = NULL;
	region->nr_holes = 0;
}

/**
 * egm_owner_acquire - become the owner of a region
 * @region: the region
 * @nonblock: fail rather than wait for GPUs that the last owner let in
 *
 * Context: sleeps for as long as clearing takes, killable; no lock is held.
 * Return: 0 with all of the memory cleared, or a negative errno with the region
 * as it was, to be cleared by the next one.
 */
int egm_owner_acquire(struct egm_region *region, bool nonblock)
{
	struct nvgrace_egm_dev *egm;
	int ret;

	scoped_guard(rwsem_write, &region->lock) {
		egm = region->egm;
		if (!egm)
			return -ENODEV;
		if (region->state != EGM_STATE_IDLE ||
		    READ_ONCE(egm_hibernating))
			return -EBUSY;
		/* Before the state turns those away who would wait. */
		if (nonblock && !egm_owner_drained(egm))
			return -EAGAIN;
		/* Fails only when the parent is on its way out. */
		if (!try_module_get(region->parent))
			return -ENODEV;
		egm_owner_set_state(region, EGM_STATE_DRAINING);
	}

	/* Until the state leaves DRAINING and CLEARING, removal waits for us. */
	ret = egm_owner_drain(region, egm);
	if (!ret) {
		scoped_guard(rwsem_write, &region->lock) {
			egm_clear_begin(region);
			egm_owner_set_state(region, EGM_STATE_CLEARING);
		}
		/* The last owner may have died of what is about to be listed. */
		egm_poison_settle(region);
		ret = egm_clear(region);
	}
	/* Later than the clear: what failed meanwhile may not have been cleared. */
	if (!ret) {
		egm_poison_settle(region);
		ret = egm_owner_set_holes(region);
	}

	scoped_guard(rwsem_write, &region->lock) {
		if (!region->egm)
			ret = -ENODEV;
		if (ret)
			egm_owner_drop_holes(region);
		else
			region->owner = get_pid(task_tgid(current));
		egm_owner_set_state(region, ret ? EGM_STATE_IDLE : EGM_STATE_IN_USE);
	}
	wake_up_all(&region->settled);
	if (ret)
		module_put(region->parent);
	return ret;
}

/**
 * egm_owner_release - the owner's last reference to its file has gone
 * @region: the region
 *
 * No mapping of it is left in any address space.
 */
void egm_owner_release(struct egm_region *region)
{
	egm_mapping_forget(region);
	scoped_guard(rwsem_write, &region->lock) {
		if (region->egm)
			region->egm->host->owner_left(region->egm, region->owner);
		put_pid(region->owner);
		region->owner = NULL;
		egm_owner_drop_holes(region);
		egm_owner_set_state(region, EGM_STATE_IDLE);
	}
	module_put(region->parent);
}

/* A condition to wait for must not sleep: the lock is taken afterwards. */
static bool egm_owner_settled(struct egm_region *region)
{
	enum egm_state state = READ_ONCE(region->state);

	return state == EGM_STATE_IDLE || state == EGM_STATE_IN_USE;
}

/**
 * egm_owner_shutdown - the region goes away, whoever has it
 * @region: the region
 *
 * After this returns, no opener waits or clears, no mapping of the region is
 * left, none can come, and the parent's device is not used any more.
 */
void egm_owner_shutdown(struct egm_region *region)
{
	struct nvgrace_egm_dev *egm;
	struct pid *owner;

	unregister_pm_notifier(&region->pm_nb);
	scoped_guard(rwsem_write, &region->lock) {
		egm = region->egm;
		owner = get_pid(region->owner);
		WRITE_ONCE(region->egm, NULL);
	}
	wake_up_all(&egm->host->drained);
	wait_event(region->settled, egm_owner_settled(region));

	egm_mapping_revoke(region);
	/* Not earlier: until here a device could still be given a mapping. */
	if (owner)
		egm->host->owner_left(egm, owner);
	put_pid(owner);
}

/**
 * egm_owner_state - who has the region
 * @region: the region
 *
 * Context: the caller holds the region's lock.
 * Return: its state; that of an idle region is draining where nobody waits yet, but
 * whoever came would have to.
 */
enum egm_state egm_owner_state(struct egm_region *region)
{
	lockdep_assert_held(&region->lock);
	if (region->state == EGM_STATE_IDLE && region->egm &&
	    !egm_owner_drained(region->egm))
		return EGM_STATE_DRAINING;
	return region->state;
}
