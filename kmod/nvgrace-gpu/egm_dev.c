// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: one auxiliary device per socket, shared by the socket's GPUs
 */
#include <linux/cleanup.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "nvgrace_gpu.h"

/*
 * Protects the registry and with it the coming and going of regions. Taken by
 * probe and remove of a GPU only: never by a show(), the notifier or a fault,
 * so devices may be added and deleted under it.
 */
static DEFINE_MUTEX(registry_lock);

/* struct nvgrace_egm_dev by proximity domain */
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

static struct nvgrace_egm_dev *egm_dev_alloc(const struct egm_props *props)
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
	init_rwsem(&egm->gpus_lock);
	INIT_LIST_HEAD(&egm->gpus);
	BLOCKING_INIT_NOTIFIER_HEAD(&egm->gpu_chain);
	egm->vfio_oldest = U64_MAX;
	init_waitqueue_head(&egm->vfio_wait);
	spin_lock_init(&egm->poison_lock);

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
	guard(rwsem_write)(&egm->gpus_lock);
	list_add_tail(&gpu->egm_gpu.node, &egm->gpus);
}

static void egm_dev_del_gpu(struct nvgrace_egm_dev *egm, struct nvgrace_gpu *gpu)
{
	guard(rwsem_write)(&egm->gpus_lock);
	list_del(&gpu->egm_gpu.node);
}

/* Nothing but @gpu may know of the region when this fails. */
static struct nvgrace_egm_dev *egm_dev_create(struct nvgrace_gpu *gpu)
{
	struct nvgrace_egm_dev *egm;
	int ret;

	lockdep_assert_held(&registry_lock);

	egm = egm_dev_alloc(&gpu->props);
	if (IS_ERR(egm))
		return egm;

	ret = xa_insert(&registry, egm->pxm, egm, GFP_KERNEL);
	if (ret)
		goto err_uninit;

	/* First, so that the region is never seen without a GPU. */
	egm_dev_add_gpu(egm, gpu);

	ret = auxiliary_device_add(&egm->aux_dev);
	if (ret)
		goto err_del_gpu;

	return egm;

err_del_gpu:
	egm_dev_del_gpu(egm, gpu);
	xa_erase(&registry, egm->pxm);
err_uninit:
	auxiliary_device_uninit(&egm->aux_dev);
	return ERR_PTR(ret);
}

static bool egm_dev_overlaps(struct pci_dev *pdev, const struct egm_props *props)
{
	u64 last = props->base + (props->size - 1);
	struct nvgrace_egm_dev *egm;
	unsigned long pxm;

	lockdep_assert_held(&registry_lock);

	xa_for_each(&registry, pxm, egm) {
		u64 egm_last = egm->base + (egm->size - 1);

		if (props->base <= egm_last && egm->base <= last) {
			pci_err(pdev, "EGM refused: [%#llx-%#llx] overlaps [%#llx-%#llx] of proximity domain %lu (nvidia,egm-base-pa, nvidia,egm-size)\n",
				props->base, last, (u64)egm->base, egm_last, pxm);
			return true;
		}
	}
	return false;
}

static enum egm_verdict egm_dev_join_locked(struct nvgrace_gpu *gpu)
{
	const struct egm_props *props = &gpu->props;
	struct pci_dev *pdev = gpu->core.pdev;
	struct nvgrace_egm_dev *egm;
	enum egm_verdict verdict;

	egm = xa_load(&registry, props->pxm);
	if (egm) {
		if (props->base != egm->base || props->size != egm->size) {
			pci_err(pdev, "EGM refused: base %#llx, size %#llx; another GPU of proximity domain %u says %#llx, %#llx (nvidia,egm-base-pa, nvidia,egm-size)\n",
				props->base, props->size, egm->pxm,
				(u64)egm->base, egm->size);
			return EGM_REFUSED_DISAGREES;
		}
		egm_dev_add_gpu(egm, gpu);
		blocking_notifier_call_chain(&egm->gpu_chain,
					     NVGRACE_EGM_GPU_JOINED, pdev);
		gpu->egm = egm;
		return EGM_JOINED;
	}

	/* The claim of another region is a resource as well: look there first. */
	if (egm_dev_overlaps(pdev, props))
		return EGM_REFUSED_REGION;
	verdict = egm_range_free(pdev, props);
	if (verdict != EGM_JOINED)
		return verdict;

	egm = egm_dev_create(gpu);
	if (IS_ERR(egm)) {
		pci_err(pdev, "EGM refused: cannot create the device of proximity domain %llu: %pe\n",
			props->pxm, egm);
		return EGM_REFUSED_INTERNAL;
	}
	gpu->egm = egm;
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
	if (gpu->verdict != EGM_JOINED)
		return;

	guard(mutex)(&registry_lock);
	gpu->verdict = egm_dev_join_locked(gpu);
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
	struct nvgrace_egm_dev *egm = gpu->egm;

	if (!egm)
		return;

	guard(mutex)(&registry_lock);
	egm_dev_del_gpu(egm, gpu);
	blocking_notifier_call_chain(&egm->gpu_chain, NVGRACE_EGM_GPU_LEFT,
				     gpu->core.pdev);
	gpu->egm = NULL;
	if (!list_empty(&egm->gpus))
		return;

	xa_erase(&registry, egm->pxm);
	auxiliary_device_delete(&egm->aux_dev);
	auxiliary_device_uninit(&egm->aux_dev);
}

static void egm_dev_vfio_changed(struct nvgrace_egm_dev *egm)
{
	struct nvgrace_egm_gpu *gpu;
	u64 oldest = U64_MAX;

	lockdep_assert_held_write(&egm->gpus_lock);

	list_for_each_entry(gpu, &egm->gpus, node)
		if (gpu->vfio_opened)
			oldest = min(oldest, gpu->vfio_opened);
	WRITE_ONCE(egm->vfio_oldest, oldest);
}

/**
 * egm_dev_vfio_opened - a GPU is about to be opened through VFIO
 * @gpu: the GPU
 */
void egm_dev_vfio_opened(struct nvgrace_gpu *gpu)
{
	struct nvgrace_egm_dev *egm = gpu->egm;

	if (!egm)
		return;

	guard(rwsem_write)(&egm->gpus_lock);
	gpu->egm_gpu.vfio_opened = egm->vfio_opens + 1;
	egm_dev_vfio_changed(egm);
	/* Whoever sees the number sees that it is in force. */
	smp_store_release(&egm->vfio_opens, gpu->egm_gpu.vfio_opened);
}

/**
 * egm_dev_vfio_closed - a GPU opened through VFIO has been closed
 * @gpu: the GPU, which can no longer do DMA
 */
void egm_dev_vfio_closed(struct nvgrace_gpu *gpu)
{
	struct nvgrace_egm_dev *egm = gpu->egm;

	if (!egm)
		return;

	scoped_guard(rwsem_write, &egm->gpus_lock) {
		gpu->egm_gpu.vfio_opened = 0;
		egm_dev_vfio_changed(egm);
	}
	wake_up_all(&egm->vfio_wait);
	blocking_notifier_call_chain(&egm->gpu_chain, NVGRACE_EGM_GPU_CLOSED,
				     gpu->core.pdev);
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
	root_device_unregister(egm_root);
}
