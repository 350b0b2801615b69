/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the driver of the GPUs and the driver of their memory
 */
#ifndef _LINUX_NVGRACE_EGM_H
#define _LINUX_NVGRACE_EGM_H

#include <linux/auxiliary_bus.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct module;
struct pci_dev;

/**
 * DOC: EGM auxiliary device
 *
 * The parent (the driver of the GPUs) puts one auxiliary device per socket on
 * the auxiliary bus, named ``<parent module>.egm.<proximity domain>``. The child
 * (nvgrace-egm) binds to it. No symbol crosses between the modules: all they
 * share is &struct nvgrace_egm_dev, and they load in either order.
 *
 * Who owns what: the parent allocates the struct, fills in everything before it
 * adds the device, and frees it in the device's release. The child may read it
 * from probe until its remove returns, not longer; what the child needs after
 * that (a file may live on) it copies. @drain_until and the poisoned granules
 * belong to the child and are kept here only so that they outlive a reload of it;
 * the parent initializes them and looks away.
 *
 * The bus matches by name alone, and other parents create devices of the same
 * name with structs of another layout. So the child reads @magic first and
 * touches nothing else if it differs.
 */

#define NVGRACE_EGM_DEV_NAME	"egm"
#define NVGRACE_EGM_MAGIC	0x314d47454352474eULL
#define NVGRACE_EGM_VERSION	2

/*
 * Grace retires memory in blocks of this size, whatever the kernel's page size.
 * Base and size of a region are multiples of it.
 */
#define NVGRACE_EGM_GRANULE	SZ_64K

/* Granules that may fail while the host runs before new ones are only counted */
#define NVGRACE_EGM_POISONED_MAX	1024

/**
 * struct nvgrace_egm_gpu - one GPU of a region's socket
 * @node: entry in &nvgrace_egm_dev.gpus
 * @pdev: the PCI function; valid while the entry is on the list
 * @vfio_opened: number of the open through VFIO that is in force, 0 while closed
 */
struct nvgrace_egm_gpu {
	struct list_head node;
	struct pci_dev *pdev;
	u64 vfio_opened;
};

/**
 * enum nvgrace_egm_gpu_event - actions of &nvgrace_egm_dev.gpu_chain
 * @NVGRACE_EGM_GPU_JOINED: the GPU has been put on the list
 * @NVGRACE_EGM_GPU_LEFT: the GPU has been taken off the list
 * @NVGRACE_EGM_GPU_CLOSED: the GPU, opened through VFIO, has been closed
 *
 * The data of the notification is the &struct pci_dev.
 */
enum nvgrace_egm_gpu_event {
	NVGRACE_EGM_GPU_JOINED,
	NVGRACE_EGM_GPU_LEFT,
	NVGRACE_EGM_GPU_CLOSED,
};

/**
 * struct nvgrace_egm_dev - the memory of one socket, as the parent offers it
 * @aux_dev: the device on the auxiliary bus; its release frees the struct
 * @magic: NVGRACE_EGM_MAGIC
 * @version: NVGRACE_EGM_VERSION
 * @struct_size: bytes in this struct, as the parent was built
 * @owner: the parent's module; whoever owns the memory pins it, so that
 *	removing the module says "in use" rather than pulling the memory away
 * @base: physical address of the region
 * @size: bytes in the region
 * @pxm: ACPI proximity domain of the region
 * @retired_base: physical address of firmware's table of retired pages, 0: none
 * @gpus_lock: protects @gpus, and @vfio_opens and @vfio_oldest against writers
 * @gpus: &struct nvgrace_egm_gpu of every GPU that joined; the first one is on
 *	the list before the device is added
 * @gpu_chain: told of each GPU after it joined, left or was closed, outside
 *	@gpus_lock
 * @vfio_opens: opens of any of the GPUs through VFIO so far, also the number of
 *	the latest one
 * @vfio_oldest: number of the oldest open in force, U64_MAX: all are closed
 * @vfio_wait: woken at every close
 * @drain_until: the child's: opens up to this number may still reach what the
 *	last owner mapped
 * @poison_lock: protects what follows against readers in the middle of a write
 * @nr_poisoned: entries in @poisoned; grows only
 * @poison_lost: reports of failed granules that found no room
 * @poisoned: the child's: offsets of the granules that failed while the host ran,
 *	in order of arrival, each once
 */
struct nvgrace_egm_dev {
	struct auxiliary_device aux_dev;
	u64 magic;
	u32 version;
	u32 struct_size;
	struct module *owner;
	phys_addr_t base;
	u64 size;
	u32 pxm;
	phys_addr_t retired_base;
	struct rw_semaphore gpus_lock;
	struct list_head gpus;
	struct blocking_notifier_head gpu_chain;
	u64 vfio_opens;
	u64 vfio_oldest;
	wait_queue_head_t vfio_wait;
	u64 drain_until;
	spinlock_t poison_lock; /* what follows */
	u32 nr_poisoned;
	u32 poison_lost;
	u64 poisoned[NVGRACE_EGM_POISONED_MAX];
};

static inline struct nvgrace_egm_dev *
to_nvgrace_egm_dev(struct auxiliary_device *aux_dev)
{
	return container_of(aux_dev, struct nvgrace_egm_dev, aux_dev);
}

#endif /* _LINUX_NVGRACE_EGM_H */
