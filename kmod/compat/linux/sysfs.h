/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_SYSFS_H
#define _EGM_COMPAT_LINUX_SYSFS_H

#include_next <linux/sysfs.h>

/* 6.17: callbacks take a const attribute. Before, one is put around ours. */
#ifndef COMPAT_HAS_sysfs_const_bin_attribute
#undef BIN_ATTR_RO
#define BIN_ATTR_RO(_name, _size)						\
ssize_t _name##_read_compat(struct file *file, struct kobject *kobj,		\
			    struct bin_attribute *attr, char *buf, loff_t off,	\
			    size_t count)					\
{										\
	return _name##_read(file, kobj, attr, buf, off, count);			\
}										\
static struct bin_attribute bin_attr_##_name = {				\
	.attr = { .name = __stringify(_name), .mode = 0444 },			\
	.read = _name##_read_compat,						\
	.size = _size,								\
}
#endif

#endif /* _EGM_COMPAT_LINUX_SYSFS_H */
