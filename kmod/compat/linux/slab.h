/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_SLAB_H
#define _EGM_COMPAT_LINUX_SLAB_H

#include_next <linux/slab.h>

/* 7.0 */
#ifndef kzalloc_obj
#define kzalloc_obj(obj)	kzalloc(sizeof(obj), GFP_KERNEL)
#endif

#endif /* _EGM_COMPAT_LINUX_SLAB_H */
