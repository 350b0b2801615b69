/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User-space interface of /dev/egmX, Extended GPU Memory of NVIDIA Grace
 */
#ifndef _UAPI_LINUX_EGM_H
#define _UAPI_LINUX_EGM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: /dev/egmX
 *
 * One character device stands for the Extended GPU Memory of one socket: memory
 * that firmware hides from the host kernel so that a virtual machine and its
 * GPUs can have it. X is the socket's ACPI proximity domain.
 *
 * What a descriptor may do is decided by how it was opened:
 *
 * ``O_RDONLY``
 *	A query handle. Any number may exist, beside a running owner too. It
 *	answers ioctl() and lseek(), never waits for a clear, and cannot mmap().
 *
 * ``O_RDWR``
 *	The owner: one at a time. Before open() returns, all of the memory but
 *	its retired granules has been overwritten with zeros. The owner may
 *	mmap() any page-aligned slice, ``MAP_SHARED`` only.
 *
 * Ownership ends with the last reference to the open file. dup(), fork(), a
 * descriptor sent to another process, an io_uring registration and a mapping
 * that outlives close() all keep it.
 *
 * A VFIO type1 container maps this memory for a device by its physical address
 * and keeps no reference to the file. So, when ownership has ended, the next owner's
 * open() waits for a moment in which none of the region's GPUs is open through VFIO,
 * or in a container, nor any GPU of another socket that the owner's process was the
 * last to open. Until then, who has such a GPU and calls open() waits for itself: open
 * /dev/egmX first, and the GPUs of a virtual machine after it. Other devices in the
 * same container cannot be seen from here, nor other GPUs of other sockets. Close
 * the containers of a virtual machine before its memory goes to another.
 *
 * A granule of 64 KiB is retired when firmware lists it, or when its memory fails
 * while the host runs. Retired granules are never cleared, and the module parameter
 * ``map_retired`` says who can map them. By default those of firmware are mapped:
 * what an earlier owner or boot left in them can be read by every later owner,
 * which ``none`` prevents. Those that failed at run time, and that firmware had not
 * listed, are not mapped for later owners, but with ``all``; they are forgotten
 * when the driver of the GPUs is unloaded. A touch of a granule that is not mapped
 * raises ``SIGBUS`` with ``BUS_MCEERR_AR``, and neither KVM nor VFIO can use it.
 *
 * When a granule fails at run time, its owner keeps it mapped. Where &egm_info.poison
 * is 1, the process that touched it gets ``SIGBUS`` with ``BUS_MCEERR_AR``, and
 * processes that asked for it with ``PR_MCE_KILL_EARLY`` get ``BUS_MCEERR_AO``. A
 * failure that the kernel reports to nobody is not seen here either: that of a
 * granule while no such process maps any of the region, unless firmware reported it
 * through ACPI GHES as an error of memory (not of a processor's cache).
 *
 * Nothing but a mapping of the owner's reads the memory: a debugger, a core dump
 * and direct I/O do not.
 *
 * The calls fail with these errors, each with one meaning, beside those with which
 * the kernel refuses a call before it gets here (``EOVERFLOW`` of an mmap() that no
 * file has room for, ``ENXIO`` of a device node without a device):
 *
 * ======== ==================================================================
 * EACCES   mmap() through a descriptor that is not open for reading and writing
 * EAGAIN   open() with ``O_NONBLOCK``, and the region is draining
 * EBUSY    open() for writing, and the region has an owner, or the host is about
 *          to hibernate
 * EFAULT   a pointer argument is not accessible
 * EINTR    a fatal signal arrived while open() waited or cleared
 * EINVAL   an argument is malformed: ``O_WRONLY``, ``O_DIRECT``, an ``argsz``
 *          below what the call needs, unknown flags, an mmap() that is private or
 *          leaves the region, an lseek() out of range or for data or holes
 * ENODEV   the region is gone or going: its driver was unbound or unloaded, or
 *          its last GPU left
 * ENOMEM   out of kernel memory
 * ENOTTY   unknown ioctl number
 * ======== ==================================================================
 *
 * After removal every touch of a mapping raises ``SIGBUS``.
 *
 * lseek() with ``SEEK_END`` gives the size of the region in bytes.
 */

#define EGM_TYPE 'E'

/**
 * struct egm_retired_page - one retired granule of the region
 * @offset: byte offset of the granule from the start of the region
 * @size: bytes in the granule, 65536
 */
struct egm_retired_page {
	__aligned_u64 offset;
	__aligned_u64 size;
};

/**
 * struct egm_retired_pages_list - ioctl(EGM_RETIRED_PAGES_LIST)
 * @argsz: in: bytes that user space provides, header included. Out, where that
 *	was too little: bytes needed
 * @count: out: entries written to @pages
 * @pages: out: retired granules, ascending by offset
 *
 * Lists the granules that must not be used, whoever retired them. Where @argsz
 * holds the header only, or fewer entries than there are, the call succeeds with
 * @argsz set to what is needed and @count to 0.
 */
struct egm_retired_pages_list {
	__u32 argsz;
	__u32 count;
	/* C++ has no flexible array members but by extension. */
	__extension__ struct egm_retired_page pages[];
};

/*
 * The number carries neither direction nor size: it was deployed that way, and
 * the older name is in use too.
 */
#define EGM_RETIRED_PAGES_LIST	_IO(EGM_TYPE, 100)
#define EGM_BAD_PAGES_LIST	EGM_RETIRED_PAGES_LIST

/**
 * enum egm_state - who has the region
 * @EGM_STATE_IDLE: nobody owns the region
 * @EGM_STATE_DRAINING: it has no owner, but the next one waits until no GPU can
 *	reach what the last one has mapped
 * @EGM_STATE_CLEARING: an opener waits until all of it is zero
 * @EGM_STATE_IN_USE: it has an owner
 */
enum egm_state {
	EGM_STATE_IDLE,
	EGM_STATE_DRAINING,
	EGM_STATE_CLEARING,
	EGM_STATE_IN_USE,
};

/**
 * struct egm_info - ioctl(EGM_GET_INFO)
 * @argsz: in: bytes that user space provides, at least those up to @granule. Out:
 *	bytes that the kernel knows of and, at most, has written
 * @flags: in: 0. Out: 0
 * @size: out: bytes in the region
 * @mapping_size: out: bytes in the largest block of memory that one entry of a
 *	page table maps when the region is mapped from its start, at an address
 *	that is a multiple of it; the page size where there is none
 * @pxm: out: ACPI proximity domain
 * @numa_node: out: the kernel's NUMA node of it, -1: unknown
 * @retired_count: out: retired granules, whoever retired them
 * @poison_count: out: those of them that failed while the host ran
 * @poison_lost: out: reports of failures that there was no room to record, some
 *	perhaps of the same granule: the clear does not spare these
 * @state: out: &enum egm_state
 * @poison: out: 1 if the kernel tells of memory that fails, 0 if it does not: it
 *	is too old, or manages part of the range itself
 * @granule: out: bytes in a granule, 65536
 *
 * Answered at once, by a query handle too. Later versions append members.
 */
struct egm_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 size;
	__aligned_u64 mapping_size;
	__u32 pxm;
	__s32 numa_node;
	__u32 retired_count;
	__u32 poison_count;
	__u32 poison_lost;
	__u32 state;
	__u32 poison;
	__u32 granule;
};

#define EGM_GET_INFO		_IO(EGM_TYPE, 110)

#endif /* _UAPI_LINUX_EGM_H */
