/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.17: the callbacks of binary attributes take a const attribute */
#include <linux/sysfs.h>

ssize_t probe_read(struct file *file, struct kobject *kobj,
		   const struct bin_attribute *attr, char *buf, loff_t off,
		   size_t count);

static const struct bin_attribute probe __maybe_unused = {
	.read = probe_read,
};
