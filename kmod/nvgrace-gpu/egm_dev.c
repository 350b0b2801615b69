// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: one auxiliary device per socket, shared by the socket's GPUs
 */
#include <linux/cleanup.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "nvgrace_gpu.h"

/**
 * struct egm_memory - memory that was offered once
 * @egm: what offers it, NULL: no GPU of the socket is here
 * @record: what the child must find again
 * @base: physical address
 * @size: bytes
 *
 * Firmware cannot change its mind before the host boots: whoever says otherwise
 * of the same memory, even after those who said this have left, is refused.
 */
struct egm_memory {
	struct nvgrace_egm_dev *egm;
	struct nvgrace_egm_record record;
	u64 base;
	u64 size;
};

/*
 * Protects the registry and with it the coming and going of regions. Taken by
 * probe and remove of a GPU only: never by a show(), the notifier or a fault,
 * so devices may be added and deleted under it.
 */
static DEFINE_MUTEX(registry_lock);

/* struct egm_memory by proximity domain; stays until the module goes */
static DEFINE_XARRAY(registry);

/*
 * The regions hang under a device of the module, not under a GPU: any GPU of a
 * socket may go first, and a region stays until the last one has left.
 */
static struct device *egm_root;

static void egm_dev_release(struct device *dev)
{
	kfree(to_nvgrace_egm_dev(to_auxiliary_dev(dev)));
	nvgrace_gpu_device_freed();
}

static struct nvgrace_egm_dev *egm_dev_alloc(const struct egm_props *props,
					     struct nvgrace_egm_record *record)
{
	struct nvgrace_egm_dev *egm = kzalloc_obj(*egm);
	int ret;

	if (!egm)
		return ERR_PTR(-ENOMEM);

	egm->magic = NVGRACE_EGM_MAGIC;
	egm->version = NVGRACE_EGM_VERSION;
	egm->struct_size = sizeof(*egm);
	egm->owner = THIS_MODULE;
	egm->base = props->base;
	egm->size = props->size;
	egm->pxm = props->pxm;
	egm->retired_base = props->retired_base;
	egm->host = &egm_host;
	egm->record = record;
	init_rwsem(&egm->gpus_lock);
	INIT_LIST_HEAD(&egm->gpus);

	egm->aux_dev.name = NVGRACE_EGM_DEV_NAME;
	egm->aux_dev.id = egm->pxm;
	egm->aux_dev.dev.parent = egm_root;
	egm->aux_dev.dev.release = egm_dev_release;
	ret = auxiliary_device_init(&egm->aux_dev);
	if (ret) {
		kfree(egm);
		return ERR_PTR(ret);
	}
	nvgrace_gpu_device_made();

	return egm;
}

static void egm_dev_add_gpu(struct nvgrace_egm_dev *egm, struct nvgrace_gpu *gpu)
{
	gpu->egm_gpu.egm = egm;

	guard(rwsem_write)(&egm->gpus_lock);
	list_add_tail(&gpu->egm_gpu.node, &egm->gpus);
}

static void egm_dev_del_gpu(struct nvgrace_egm_dev *egm, struct nvgrace_gpu *gpu)
{
	guard(rwsem_write)(&egm->gpus_lock);
	list_del(&gpu->egm_gpu.node);
}

static struct egm_memory *egm_memory_add(const struct egm_props *props)
{
	struct egm_memory *memory = kzalloc_obj(*memory);
	int ret;

	lockdep_assert_held(&registry_lock);

	if (!memory)
		return ERR_PTR(-ENOMEM);
	memory->base = props->base;
	memory->size = props->size;
	spin_lock_init(&memory->record.poison_lock);

	ret = xa_insert(&registry, props->pxm, memory, GFP_KERNEL);
	if (ret) {
		kfree(memory);
		return ERR_PTR(ret);
	}
	return memory;
}

static void egm_memory_free(struct egm_memory *memory)
{
	put_pid(memory->record.last_owner);
	kfree(memory);
}

/* Nothing but @gpu may know of the region when this fails. */
static int egm_dev_create(struct nvgrace_gpu *gpu, struct egm_memory *memory)
{
	struct nvgrace_egm_dev *egm;
	int ret;

	lockdep_assert_held(&registry_lock);

	egm = egm_dev_alloc(&gpu->props, &memory->record);
	if (IS_ERR(egm))
		return PTR_ERR(egm);

	/* First, so that the region is never seen without a GPU. */
	egm_dev_add_gpu(egm, gpu);

	ret = auxiliary_device_add(&egm->aux_dev);
	if (ret) {
		egm_dev_del_gpu(egm, gpu);
		gpu->egm_gpu.egm = NULL;
		auxiliary_device_uninit(&egm->aux_dev);
		return ret;
	}
	memory->egm = egm;
	return 0;
}

/* The memory may have been offered before: then @memory has what is known of it. */
static int egm_dev_offer(struct nvgrace_gpu *gpu, struct egm_memory *memory)
{
	struct egm_memory *added = NULL;
	int ret;

	if (!memory) {
		added = egm_memory_add(&gpu->props);
		if (IS_ERR(added))
			return PTR_ERR(added);
		memory = added;
	}

	ret = egm_dev_create(gpu, memory);
	if (ret && added) {
		xa_erase(&registry, gpu->props.pxm);
		egm_memory_free(added);
	}
	return ret;
}

static bool egm_dev_overlaps_locked(struct pci_dev *pdev,
				    const struct fw_range *range)
{
	u64 last = range->base + (range->size - 1);
	struct egm_memory *memory;
	unsigned long pxm;

	lockdep_assert_held(&registry_lock);

	xa_for_each(&registry, pxm, memory) {
		u64 memory_last = memory->base + (memory->size - 1);

		if (range->base <= memory_last && memory->base <= last) {
			pci_err(pdev, "%s refused: [%#llx-%#llx] overlaps [%#llx-%#llx] of proximity domain %lu (%s)\n",
				range->what, range->base, last, memory->base,
				memory_last, pxm, range->properties);
			return true;
		}
	}
	return false;
}

/**
 * egm_dev_overlaps - find out whether a range has EGM in it
 * @pdev: the GPU that names the range; an overlap is logged for it
 * @range: the range, valid by fw_range_valid()
 *
 * Return: whether a part of it is offered, or was since the module is there.
 */
bool egm_dev_overlaps(struct pci_dev *pdev, const struct fw_range *range)
{
	guard(mutex)(&registry_lock);
	return egm_dev_overlaps_locked(pdev, range);
}

static enum egm_verdict egm_dev_join_locked(struct nvgrace_gpu *gpu)
{
	const struct egm_props *props = &gpu->props;
	const struct fw_range range = egm_range(props);
	struct pci_dev *pdev = gpu->core.pdev;
	struct egm_memory *memory;
	enum egm_verdict verdict;
	int ret;

	memory = xa_load(&registry, props->pxm);
	if (memory &&
	    (props->base != memory->base || props->size != memory->size)) {
		pci_err(pdev, "EGM refused: base %#llx, size %#llx; another GPU of proximity domain %llu says %#llx, %#llx (nvidia,egm-base-pa, nvidia,egm-size)\n",
			props->base, props->size, props->pxm, memory->base,
			memory->size);
		return EGM_REFUSED_DISAGREES;
	}
	if (memory && memory->egm) {
		egm_dev_add_gpu(memory->egm, gpu);
		egm_host_tell(gpu, NVGRACE_EGM_GPU_JOINED);
		return EGM_JOINED;
	}

	/* The claim of another region is a resource as well: look there first. */
	if (!memory && egm_dev_overlaps_locked(pdev, &range))
		return EGM_REFUSED_REGION;
	verdict = egm_range_free(pdev, props);
	if (verdict != EGM_JOINED)
		return verdict;

	ret = egm_dev_offer(gpu, memory);
	if (ret) {
		pci_err(pdev, "EGM refused: cannot create the device of proximity domain %llu: %pe\n",
			props->pxm, ERR_PTR(ret));
		return EGM_REFUSED_INTERNAL;
	}
	return EGM_JOINED;
}

/**
 * egm_dev_join - let a GPU join the region of its socket
 * @gpu: the GPU, not yet registered with VFIO
 *
 * The first GPU of a socket creates the region. Afterwards @gpu's verdict says
 * what happened; a refusal has been logged, and costs the GPU nothing else.
 */
void egm_dev_join(struct nvgrace_gpu *gpu)
{
	gpu->egm_gpu.pdev = gpu->core.pdev;
	gpu->verdict = egm_props_read(gpu->core.pdev, &gpu->props);
	if (gpu->verdict == EGM_JOINED)
		gpu->verdict = egm_range_valid(gpu->core.pdev, &gpu->props);

	guard(mutex)(&registry_lock);
	if (gpu->verdict == EGM_JOINED)
		gpu->verdict = egm_dev_join_locked(gpu);
	egm_host_add_gpu(gpu);
}

/**
 * egm_dev_leave - take a GPU out of its region
 * @gpu: the GPU, no longer registered with VFIO, so nobody has it open
 *
 * The last GPU of a socket takes the region with it: mappings are gone when
 * this returns, and the child no longer touches the memory.
 */
void egm_dev_leave(struct nvgrace_gpu *gpu)
{
	struct nvgrace_egm_dev *egm = gpu->egm_gpu.egm;
	struct egm_memory *memory;

	guard(mutex)(&registry_lock);
	if (egm)
		egm_dev_del_gpu(egm, gpu);
	egm_host_del_gpu(gpu);
	if (!egm)
		return;
	egm_host_tell(gpu, NVGRACE_EGM_GPU_LEFT);
	gpu->egm_gpu.egm = NULL;
	if (!list_empty(&egm->gpus))
		return;

	memory = xa_load(&registry, egm->pxm);
	memory->egm = NULL;
	auxiliary_device_delete(&egm->aux_dev);
	auxiliary_device_uninit(&egm->aux_dev);
}

/**
 * egm_dev_init - create what the regions hang under
 *
 * Return: 0 or a negative errno.
 */
int egm_dev_init(void)
{
	egm_root = root_device_register(KBUILD_MODNAME);
	return PTR_ERR_OR_ZERO(egm_root);
}

/**
 * egm_dev_exit - undo egm_dev_init(); all GPUs have left
 */
void egm_dev_exit(void)
{
	struct egm_memory *memory;
	unsigned long pxm;

	egm_host_exit();
	root_device_unregister(egm_root);
	xa_for_each(&registry, pxm, memory)
		egm_memory_free(memory);
	xa_destroy(&registry);
}
