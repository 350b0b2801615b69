// SPDX-License-Identifier: GPL-2.0-or-later
#include "reasons.hpp"

#include <algorithm>
#include <array>

namespace egm {

namespace {

constexpr std::string_view update_firmware =
	"update the firmware; `journalctl -k -g egm` shows the values that were found";

constexpr std::array reasons = std::to_array<Reason>({
	{ "none", "the GPU has joined the EGM region of its socket", "" },
	{ "absent", "firmware gives this GPU no EGM properties: EGM is off, or not known to it",
	  "if EGM is wanted, switch it on in the firmware settings and reboot" },
	{ "zero", "firmware gives an EGM region without a size or a base: EGM is off",
	  "if EGM is wanted, switch it on in the firmware settings and reboot" },
	{ "malformed", "an EGM property of this GPU is missing, or is not a number",
	  update_firmware },
	{ "pxm", "firmware's proximity domain for the region is larger than the kernel can handle",
	  update_firmware },
	{ "unaligned", "base or size of the region is not a multiple of 64 KiB", update_firmware },
	{ "wraps", "base plus size of the region goes beyond the end of the address space",
	  update_firmware },
	{ "width", "the region ends beyond the highest physical address that this kernel can map",
	  "use a kernel with a larger physical address width, or update the firmware" },
	{ "kdump", "this is a crash kernel, which cannot tell the region from the host's memory",
	  "nothing: EGM comes back with the next normal boot" },
	{ "system-ram", "the region overlaps memory that this host itself uses as RAM",
	  "in the firmware settings choose the EGM mode with a hypervisor, which hides the region "
	  "from the host, and reboot" },
	{ "reserved", "the region overlaps memory that firmware or another driver has reserved",
	  "look for the range in /proc/iomem as root; if firmware reserved it, update the "
	  "firmware" },
	{ "pci", "the region overlaps a PCI bridge window or a PCI device's registers",
	  update_firmware },
	{ "gpu-memory", "the region overlaps the memory of a GPU", update_firmware },
	{ "region", "the region overlaps the EGM region of another socket", update_firmware },
	{ "disagrees", "another GPU of the same socket was given a different base or size",
	  update_firmware },
	{ "internal", "the kernel could not set the region up, for want of memory or similar",
	  "look for the cause with `journalctl -k -g egm`, then unbind the GPU and bind it again" },
});

} // namespace

Reason explain(std::string_view word)
{
	const auto *found = std::ranges::find(reasons, word, &Reason::word);
	if (found != reasons.end())
		return *found;
	return { word, "a reason that this version of egmctl does not know",
		 "use the egmctl that came with the driver" };
}

} // namespace egm
