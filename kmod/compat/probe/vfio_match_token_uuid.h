/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.17 and some stable trees: VF tokens are matched by an operation of its own */
#include <linux/vfio_pci_core.h>

static const struct vfio_device_ops probe __maybe_unused = {
	.match_token_uuid = vfio_pci_core_match_token_uuid,
};
