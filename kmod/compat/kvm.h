/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_KVM_H
#define _EGM_COMPAT_KVM_H

#include <linux/kconfig.h>
#include <linux/types.h>
#include <uapi/linux/kvm.h>

/*
 * 6.17: KVM on arm64 maps cacheable PFNMAP memory cacheable for the guest.
 * Before, such memory is Device memory there, and a guest that runs on it hangs.
 */
static inline bool compat_kvm_maps_pfnmap_as_device(void)
{
#ifdef KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
	return false;
#else
	return IS_ENABLED(CONFIG_ARM64) && IS_ENABLED(CONFIG_KVM);
#endif
}

#endif /* _EGM_COMPAT_KVM_H */
