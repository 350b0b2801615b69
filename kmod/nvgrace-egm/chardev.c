// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/egmX: what user space calls, and the only code that sees its pointers
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>

#include "egm.h"

static_assert(sizeof(struct egm_retired_page) == 16);
static_assert(sizeof(struct egm_retired_pages_list) == 8);
static_assert(offsetof(struct egm_info, size) == 8);
static_assert(offsetof(struct egm_info, mapping_size) == 16);
static_assert(offsetof(struct egm_info, pxm) == 24);
static_assert(offsetof(struct egm_info, numa_node) == 28);
static_assert(offsetof(struct egm_info, retired_count) == 32);
static_assert(offsetof(struct egm_info, poison_count) == 36);
static_assert(offsetof(struct egm_info, poison_lost) == 40);
static_assert(offsetof(struct egm_info, state) == 44);
static_assert(offsetof(struct egm_info, poison) == 48);
static_assert(offsetof(struct egm_info, granule) == 52);
static_assert(sizeof(struct egm_info) == 56);

static bool egm_file_is_owner(struct file *file)
{
	return (file->f_flags & O_ACCMODE) == O_RDWR;
}

static int egm_open(struct inode *inode, struct file *file)
{
	struct egm_region *region =
		container_of(inode->i_cdev, struct egm_region, cdev);
	int ret = 0;

	/* The VFS refuses O_DIRECT too, but after the memory was cleared. */
	if ((file->f_flags & O_ACCMODE) == O_WRONLY ||
	    (file->f_flags & O_DIRECT))
		return -EINVAL;

	if (egm_file_is_owner(file))
		ret = egm_owner_acquire(region, file->f_flags & O_NONBLOCK);
	else if (!READ_ONCE(region->egm))
		ret = -ENODEV;
	if (ret)
		return ret;

	file->private_data = region;
	file->f_mapping = region->inode->i_mapping;
	return 0;
}

static int egm_release(struct inode *inode, struct file *file)
{
	if (egm_file_is_owner(file))
		egm_owner_release(file->private_data);
	return 0;
}

static int egm_mmap(struct file *file, struct vm_area_struct *vma)
{
	/*
	 * Before anything else: the kernel has dropped VM_SHARED for a file that
	 * is not open for writing, and MAP_SHARED is not what is missing.
	 */
	if (!egm_file_is_owner(file))
		return -EACCES;
	return egm_mapping_add(file->private_data, vma);
}

static unsigned long egm_get_unmapped_area(struct file *file,
					   unsigned long address,
					   unsigned long len,
					   unsigned long pgoff,
					   unsigned long flags)
{
	return egm_mapping_area(file->private_data, file, address, len, pgoff,
				flags);
}

static loff_t egm_llseek(struct file *file, loff_t offset, int whence)
{
	struct egm_region *region = file->private_data;

	if (!READ_ONCE(region->egm))
		return -ENODEV;
	return fixed_size_llseek(file, offset, whence, region->size);
}

/* A copy of the list, so that no lock is held when it goes out */
static int egm_ioctl_copy_retired(struct egm_region *region, u64 **granules)
{
	guard(rwsem_read)(&region->lock);
	if (!region->egm)
		return -ENODEV;
	return egm_retired_merge(region, true, true, granules);
}

static long egm_ioctl_retired_pages_list(struct egm_region *region,
					 struct egm_retired_pages_list __user *arg)
{
	struct egm_retired_page *pages __free(kvfree) = NULL;
	u64 *granules __free(kvfree) = NULL;
	struct egm_retired_pages_list list;
	u32 needed;
	int n;

	if (copy_from_user(&list, arg, sizeof(list)))
		return -EFAULT;
	if (list.argsz < sizeof(list))
		return -EINVAL;

	n = egm_ioctl_copy_retired(region, &granules);
	if (n < 0)
		return n;
	needed = struct_size_t(struct egm_retired_pages_list, pages, n);
	if (list.argsz < needed) {
		list.argsz = needed;
		list.count = 0;
		return copy_to_user(arg, &list, sizeof(list)) ? -EFAULT : 0;
	}

	pages = kvcalloc(n, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		pages[i].offset = granules[i];
		pages[i].size = NVGRACE_EGM_GRANULE;
	}
	if (copy_to_user(arg->pages, pages, array_size(n, sizeof(*pages))))
		return -EFAULT;

	/* Last, so that a count is never seen without its entries. */
	list.count = n;
	return copy_to_user(arg, &list, sizeof(list)) ? -EFAULT : 0;
}

static int egm_ioctl_fill_info(struct egm_region *region, struct egm_info *info)
{
	guard(rwsem_read)(&region->lock);
	if (!region->egm)
		return -ENODEV;
	info->argsz = sizeof(*info);
	info->state = egm_owner_state(region);
	info->size = region->size;
	info->mapping_size = egm_mapping_block_size(region);
	info->pxm = region->pxm;
	info->numa_node = region->node;
	info->poison_count = READ_ONCE(region->record->nr_poisoned);
	info->retired_count = region->nr_retired + info->poison_count;
	info->poison_lost = READ_ONCE(region->record->poison_lost);
	info->poison = region->poison.supported;
	info->granule = NVGRACE_EGM_GRANULE;
	return 0;
}

static long egm_ioctl_get_info(struct egm_region *region,
			       struct egm_info __user *arg)
{
	struct egm_info info = {};
	int ret;

	if (get_user(info.argsz, &arg->argsz) ||
	    get_user(info.flags, &arg->flags))
		return -EFAULT;
	if (info.argsz < sizeof(info) || info.flags)
		return -EINVAL;

	ret = egm_ioctl_fill_info(region, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long egm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct egm_region *region = file->private_data;

	if (!READ_ONCE(region->egm))
		return -ENODEV;

	switch (cmd) {
	case EGM_RETIRED_PAGES_LIST:
		return egm_ioctl_retired_pages_list(region, (void __user *)arg);
	case EGM_GET_INFO:
		return egm_ioctl_get_info(region, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

const struct file_operations egm_fops = {
	.owner = THIS_MODULE,
	.open = egm_open,
	.release = egm_release,
	.mmap = egm_mmap,
	.get_unmapped_area = egm_get_unmapped_area,
	.llseek = egm_llseek,
	.unlocked_ioctl = egm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
