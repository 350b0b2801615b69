/* SPDX-License-Identifier: GPL-2.0-only */
/* The headers that the probes use, and no feature at all */
#include <linux/sysfs.h>
#include <linux/vfio_pci_core.h>
