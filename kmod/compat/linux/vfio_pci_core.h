/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H
#define _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H

#include_next <linux/vfio_pci_core.h>

/*
 * 6.19. Before, vfio_pci_core_ioctl() answers. After, VFIO never hands region
 * info to the ioctl operation, and a driver without this one has no regions.
 */
#ifdef COMPAT_HAS_vfio_get_region_info_caps
#define COMPAT_VFIO_REGION_INFO_OP \
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#else
#define COMPAT_VFIO_REGION_INFO_OP
#endif

/* 6.17. Before, vfio_pci_core_match() looks at the token. */
#ifdef COMPAT_HAS_vfio_match_token_uuid
#define COMPAT_VFIO_MATCH_TOKEN_OP \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define COMPAT_VFIO_MATCH_TOKEN_OP
#endif

#endif /* _EGM_COMPAT_LINUX_VFIO_PCI_CORE_H */
