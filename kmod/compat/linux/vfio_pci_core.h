/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H
#define _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H

#include_next <linux/vfio_pci_core.h>

/*
 * 6.19. Before, region info is one more ioctl of the driver's. After, VFIO never
 * hands it to the ioctl operation, and a driver without this one has no regions.
 */
typedef int compat_vfio_region_info_t(struct vfio_device *vdev,
				      struct vfio_region_info *info,
				      struct vfio_info_cap *caps);

#ifdef COMPAT_HAS_vfio_get_region_info_caps
#define COMPAT_VFIO_REGION_INFO_OP(op) \
	.get_region_info_caps = op,

static inline long
compat_vfio_pci_core_ioctl(struct vfio_device *vdev, unsigned int cmd,
			   unsigned long arg,
			   compat_vfio_region_info_t *region_info)
{
	return vfio_pci_core_ioctl(vdev, cmd, arg);
}
#else
#define COMPAT_VFIO_REGION_INFO_OP(op)

/* Of a region that the driver leaves to vfio_pci_core_ioctl() */
static inline int vfio_pci_ioctl_get_region_info(struct vfio_device *vdev,
						 struct vfio_region_info *info,
						 struct vfio_info_cap *caps)
{
	return -ENOTTY;
}

static inline int compat_vfio_region_info(struct vfio_region_info *info,
					  struct vfio_info_cap *caps,
					  struct vfio_region_info __user *arg)
{
	if (caps->size) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info->argsz < sizeof(*info) + caps->size) {
			info->argsz = sizeof(*info) + caps->size;
			info->cap_offset = 0;
		} else {
			info->cap_offset = sizeof(*info);
			vfio_info_cap_shift(caps, info->cap_offset);
			if (copy_to_user(arg + 1, caps->buf, caps->size))
				return -EFAULT;
		}
	}
	return copy_to_user(arg, info, offsetofend(struct vfio_region_info, offset)) ?
		-EFAULT : 0;
}

static inline long
compat_vfio_pci_core_ioctl(struct vfio_device *vdev, unsigned int cmd,
			   unsigned long arg,
			   compat_vfio_region_info_t *region_info)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info = {};
	int ret;

	if (cmd != VFIO_DEVICE_GET_REGION_INFO)
		return vfio_pci_core_ioctl(vdev, cmd, arg);

	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = region_info(vdev, &info, &caps);
	if (ret == -ENOTTY)
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	if (!ret)
		ret = compat_vfio_region_info(&info, &caps, (void __user *)arg);
	kfree(caps.buf);
	return ret;
}
#endif

/* 6.17. Before, vfio_pci_core_match() looks at the token. */
#ifdef COMPAT_HAS_vfio_match_token_uuid
#define COMPAT_VFIO_MATCH_TOKEN_OP \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define COMPAT_VFIO_MATCH_TOKEN_OP
#endif

/* After 6.12 */
#ifdef COMPAT_HAS_vfio_pasid
#define COMPAT_VFIO_PASID_OPS \
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas, \
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#else
#define COMPAT_VFIO_PASID_OPS
#endif

/* 7.2: all BARs are mapped while the device is open. Before, one at a time. */
#ifndef COMPAT_HAS_vfio_pci_core_get_iomap
static inline void __iomem *
vfio_pci_core_get_iomap(struct vfio_pci_core_device *core, unsigned int bar)
{
	int ret = vfio_pci_core_setup_barmap(core, bar);

	return ret ? IOMEM_ERR_PTR(ret) : core->barmap[bar];
}
#endif

/* 6.19. What a guest sees of the command register is what it wrote there. */
#ifndef COMPAT_HAS_vfio_pci_memory_enabled
static inline bool __vfio_pci_memory_enabled(struct vfio_pci_core_device *core)
{
	struct pci_dev *pdev = core->pdev;
	__le16 *command = (__le16 *)(core->vconfig + PCI_COMMAND);

	if ((__force int)pdev->current_state >= (__force int)PCI_D3hot)
		return false;
	return pdev->no_command_memory ||
	       (le16_to_cpu(*command) & PCI_COMMAND_MEMORY);
}
#endif

/* 6.19: vfio-pci-core exports regions as dma-bufs, if the driver has these. */
#ifdef COMPAT_HAS_vfio_pci_device_ops
static inline void
compat_vfio_pci_set_ops(struct vfio_pci_core_device *core,
			const struct vfio_pci_device_ops *ops)
{
	core->pci_ops = ops;
}

/* 7.0: it has this name. */
#ifndef COMPAT_HAS_vfio_phys_vec
#define phys_vec dma_buf_phys_vec
#endif
#else
struct p2pdma_provider;
struct phys_vec;
struct vfio_region_dma_range;

struct vfio_pci_device_ops {
	int (*get_dmabuf_phys)(struct vfio_pci_core_device *core,
			       struct p2pdma_provider **provider,
			       unsigned int region, struct phys_vec *phys,
			       struct vfio_region_dma_range *ranges,
			       size_t nr_ranges);
};

static inline void
compat_vfio_pci_set_ops(struct vfio_pci_core_device *core,
			const struct vfio_pci_device_ops *ops)
{
}

static inline struct p2pdma_provider *pcim_p2pdma_provider(struct pci_dev *pdev,
							   int bar)
{
	return NULL;
}

static inline int
vfio_pci_core_get_dmabuf_phys(struct vfio_pci_core_device *core,
			      struct p2pdma_provider **provider,
			      unsigned int region, struct phys_vec *phys,
			      struct vfio_region_dma_range *ranges,
			      size_t nr_ranges)
{
	return -EOPNOTSUPP;
}

static inline int
vfio_pci_core_fill_phys_vec(struct phys_vec *phys,
			    struct vfio_region_dma_range *ranges,
			    size_t nr_ranges, phys_addr_t start, phys_addr_t len)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H */
