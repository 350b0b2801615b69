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
 *	the granules that firmware retired has been overwritten with zeros. The
 *	owner may mmap() any page-aligned slice, ``MAP_SHARED`` only.
 *
 * Ownership ends with the last reference to the open file. dup(), fork(), a
 * descriptor sent to another process, an io_uring registration and a mapping
 * that outlives close() all keep it.
 *
 * A VFIO type1 container maps this memory for a device by its physical address
 * and keeps no reference to the file. So, if one of the region's GPUs is still
 * open through VFIO when ownership ends, the next owner's open() waits until
 * every GPU that was open then has been closed once. So open /dev/egmX first,
 * and the GPUs of a virtual machine after it. Two things cannot be seen from
 * here: other devices in the same container, and a container that the former
 * owner keeps, to open a GPU through it later. Close the containers of a virtual
 * machine before its memory goes to another.
 *
 * The calls fail with these errors, each with one meaning:
 *
 * ======== ==================================================================
 * EACCES   mmap() through a descriptor that is not open for reading and writing
 * EAGAIN   open() with ``O_NONBLOCK``, and a former owner's GPU is still open
 * EBUSY    open() for writing, and the region has an owner
 * EFAULT   a pointer argument is not accessible
 * EINTR    a fatal signal arrived while open() waited or cleared
 * EINVAL   an argument is malformed: ``O_WRONLY``, ``O_DIRECT``, an ``argsz``
 *          below the header's size, an mmap() that is private or leaves the
 *          region, an lseek() out of range
 * ENODEV   the region is gone or going: its driver was unbound or unloaded, or
 *          its last GPU left
 * ENOMEM   out of kernel memory
 * ENOTTY   unknown ioctl number
 * ENXIO    lseek() for data or a hole beyond the end
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
 * Lists the granules that must not be used. Where @argsz holds the header only,
 * or fewer entries than there are, the call succeeds with @argsz set to what is
 * needed and @count to 0.
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

#endif /* _UAPI_LINUX_EGM_H */
