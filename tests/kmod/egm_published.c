// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other side of the benchmark: EGM by the algorithm that has been published
 * for it, in words of our own, and as plain as that. It takes the place of
 * nvgrace-egm on the same auxiliary device: one mapping of the whole region,
 * cleared by one CPU in pieces of 1 GiB; every page of a mapping in place when
 * mmap() returns; a hash list of retired pages, each allocated by itself.
 *
 * No protection of anything: for a machine that runs nothing but the benchmark.
 */
#include <linux/auxiliary_bus.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <linux/nvgrace-egm.h>

#define EGM_PUBLISHED_HASH_BITS	16

struct egm_published {
	struct miscdevice misc;
	char name[16];
	phys_addr_t base;
	u64 size;
	struct mutex lock; /* @opens, and the clear of the first */
	unsigned int opens;
	DECLARE_HASHTABLE(retired, EGM_PUBLISHED_HASH_BITS);
};

struct egm_published_page {
	struct hlist_node node;
	u64 offset;
};

static struct egm_published *egm_published_of(struct file *file)
{
	return container_of(file->private_data, struct egm_published, misc);
}

static int egm_published_clear(struct egm_published *egm)
{
	void *memory = memremap(egm->base, egm->size, MEMREMAP_WB);

	if (!memory)
		return -ENOMEM;
	for (u64 offset = 0; offset < egm->size; offset += SZ_1G) {
		memset(memory + offset, 0, min_t(u64, SZ_1G, egm->size - offset));
		cond_resched();
	}
	memunmap(memory);
	return 0;
}

static int egm_published_open(struct inode *inode, struct file *file)
{
	struct egm_published *egm = egm_published_of(file);
	int ret = 0;

	mutex_lock(&egm->lock);
	if (!egm->opens)
		ret = egm_published_clear(egm);
	if (!ret)
		egm->opens++;
	mutex_unlock(&egm->lock);
	return ret;
}

static int egm_published_release(struct inode *inode, struct file *file)
{
	struct egm_published *egm = egm_published_of(file);

	mutex_lock(&egm->lock);
	egm->opens--;
	mutex_unlock(&egm->lock);
	return 0;
}

static int egm_published_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct egm_published *egm = egm_published_of(file);
	u64 pages = egm->size >> PAGE_SHIFT;

	/* The one check: a slip of the benchmark must not reach other memory. */
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start,
			       PHYS_PFN(egm->base) + vma->vm_pgoff,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static const struct file_operations egm_published_fops = {
	.owner = THIS_MODULE,
	.open = egm_published_open,
	.release = egm_published_release,
	.mmap = egm_published_mmap,
};

static void egm_published_free(struct egm_published *egm)
{
	struct egm_published_page *page;
	struct hlist_node *next;
	int bucket;

	hash_for_each_safe(egm->retired, bucket, next, page, node) {
		hash_del(&page->node);
		vfree(page);
	}
	vfree(egm);
}

static int egm_published_read_table(struct egm_published *egm, phys_addr_t at)
{
	struct egm_published_page *page;
	int ret = 0;
	u64 count, *words;

	words = memremap(at, sizeof(u64), MEMREMAP_WB);
	if (!words)
		return -ENOMEM;
	count = words[0];
	memunmap(words);

	words = memremap(at, (1 + count) * sizeof(u64), MEMREMAP_WB);
	if (!words)
		return -ENOMEM;
	for (u64 i = 1; i <= count; i++) {
		page = vzalloc(sizeof(*page));
		if (!page) {
			ret = -ENOMEM;
			break;
		}
		page->offset = words[i] - egm->base;
		hash_add(egm->retired, &page->node, page->offset);
	}
	memunmap(words);
	return ret;
}

static int egm_published_probe(struct auxiliary_device *aux_dev,
			       const struct auxiliary_device_id *id)
{
	struct nvgrace_egm_dev *parent = to_nvgrace_egm_dev(aux_dev);
	struct egm_published *egm;
	int ret = 0;

	egm = vzalloc(sizeof(*egm));
	if (!egm)
		return -ENOMEM;
	egm->base = parent->base;
	egm->size = parent->size;
	mutex_init(&egm->lock);
	hash_init(egm->retired);
	if (parent->retired_base)
		ret = egm_published_read_table(egm, parent->retired_base);
	if (ret)
		goto err_free;

	snprintf(egm->name, sizeof(egm->name), "egm%u", parent->pxm);
	egm->misc.minor = MISC_DYNAMIC_MINOR;
	egm->misc.name = egm->name;
	egm->misc.fops = &egm_published_fops;
	ret = misc_register(&egm->misc);
	if (ret)
		goto err_free;
	auxiliary_set_drvdata(aux_dev, egm);
	return 0;

err_free:
	egm_published_free(egm);
	return ret;
}

static void egm_published_remove(struct auxiliary_device *aux_dev)
{
	struct egm_published *egm = auxiliary_get_drvdata(aux_dev);

	misc_deregister(&egm->misc);
	egm_published_free(egm);
}

/* No MODULE_DEVICE_TABLE(): it is loaded by the benchmark and by nobody else. */
static const struct auxiliary_device_id egm_published_ids[] = {
	{ .name = "nvgrace_gpu_vfio_pci." NVGRACE_EGM_DEV_NAME },
	{}
};

static struct auxiliary_driver egm_published_driver = {
	.name = "egm",
	.probe = egm_published_probe,
	.remove = egm_published_remove,
	.id_table = egm_published_ids,
};
module_auxiliary_driver(egm_published_driver);

MODULE_LICENSE("GPL");
MODULE_VERSION(EGM_VERSION);
MODULE_DESCRIPTION("EGM as published, for comparison by the benchmark of nvgrace-egm");
