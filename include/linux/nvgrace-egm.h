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
struct pid;

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
 * that (a file may live on) it copies. &struct nvgrace_egm_record belongs to the
 * child, but for what is said there. The parent keeps it, so that it outlives a
 * reload of the child and GPUs that come and go.
 *
 * The bus matches by name alone, and other parents create devices of the same
 * name with structs of another layout. So the child reads @magic first and
 * touches nothing else if it differs.
 */

#define NVGRACE_EGM_DEV_NAME	"egm"
#define NVGRACE_EGM_MAGIC	0x314d47454352474eULL
#define NVGRACE_EGM_VERSION	4

/*
 * Grace retires memory in blocks of this size, whatever the kernel's page size.
 * Base and size of a region are multiples of it.
 */
#define NVGRACE_EGM_GRANULE	SZ_64K

/* Granules that may fail while the host runs before new ones are only counted */
#define NVGRACE_EGM_POISONED_MAX	1024

/**
 * struct nvgrace_egm_gpu - one GPU of the parent
 * @node: entry in &nvgrace_egm_dev.gpus
 * @pdev: the PCI function
 * @egm: the region that the GPU joined; fixed while the GPU can be opened; NULL:
 *	none
 */
struct nvgrace_egm_gpu {
	struct list_head node;
	struct pci_dev *pdev;
	struct nvgrace_egm_dev *egm;
};

/**
 * enum nvgrace_egm_event - actions of &nvgrace_egm_host.chain
 * @NVGRACE_EGM_GPU_JOINED: the GPU has been put on the list of its region
 * @NVGRACE_EGM_GPU_LEFT: the GPU has been taken off that list
 * @NVGRACE_EGM_DRAINED: some region's &nvgrace_egm_record.waits_for has become NULL
 *
 * The data of the notification is the &struct nvgrace_egm_gpu, if it is about one.
 */
enum nvgrace_egm_event {
	NVGRACE_EGM_GPU_JOINED,
	NVGRACE_EGM_GPU_LEFT,
	NVGRACE_EGM_DRAINED,
};

/**
 * struct nvgrace_egm_host - what all regions of a parent share
 * @owner_left: the child says that this process owns the region no more, and that
 *	no more of the memory can be mapped for it; sets &nvgrace_egm_record.waits_for.
 *	Sleeps
 * @chain: told of what happens, with no lock of this file held
 * @drained: woken after some region's &nvgrace_egm_record.waits_for has become NULL
 * @lock: protects that field of all regions
 */
struct nvgrace_egm_host {
	void (*owner_left)(struct nvgrace_egm_dev *egm, struct pid *owner);
	struct blocking_notifier_head chain;
	wait_queue_head_t drained;
	spinlock_t lock; /* nvgrace_egm_record.waits_for */
};

/**
 * struct nvgrace_egm_record - what must not be forgotten of a region
 * @waits_for: a GPU whose DMA may reach what the last owner has mapped, and for which
 *	the next one has to wait; NULL: none. The parent's; read under
 *	&nvgrace_egm_host.lock
 * @drain_node: the parent's
 * @last_owner: the parent's: the process that owned the region last, or NULL
 * @poison_lock: protects what follows against readers in the middle of a write
 * @nr_poisoned: entries in @poisoned; grows only
 * @poison_lost: reports of failed granules that found no room
 * @poisoned: offsets of the granules that failed while the host ran, in order of
 *	arrival, each once
 */
struct nvgrace_egm_record {
	struct nvgrace_egm_gpu *waits_for;
	struct list_head drain_node;
	struct pid *last_owner;
	spinlock_t poison_lock; /* what follows */
	u32 nr_poisoned;
	u32 poison_lost;
	u64 poisoned[NVGRACE_EGM_POISONED_MAX];
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
 * @host: shared by all regions
 * @record: the child's; the same one whenever the parent offers this memory
 * @gpus_lock: protects @gpus
 * @gpus: &struct nvgrace_egm_gpu of every GPU that joined; the first one is on
 *	the list before the device is added
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
	struct nvgrace_egm_host *host;
	struct nvgrace_egm_record *record;
	struct rw_semaphore gpus_lock;
	struct list_head gpus;
};

static inline struct nvgrace_egm_dev *
to_nvgrace_egm_dev(struct auxiliary_device *aux_dev)
{
	return container_of(aux_dev, struct nvgrace_egm_dev, aux_dev);
}

#endif /* _LINUX_NVGRACE_EGM_H */
