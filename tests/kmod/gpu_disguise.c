// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI function in the disguise of an NVIDIA GPU. Its configuration space
 * says what the suite wants; its BARs are its own:
 *
 *	0x000	vendor 10de, and the device that was asked for
 *	PCIe	it can be reset (FLR)
 *	0x100	DVSEC 10de:3, +0xa bit 0: has no MIG bug
 *	0x140	DVSEC 1e98:0, +0x1c: is its memory ready? (only with has_cxl=1)
 *
 * To be loaded before the function is found: remove it, load, rescan.
 */
#include <linux/module.h>
#include <linux/pci.h>

#define NVIDIA_DVSEC 0x100
#define CXL_DVSEC 0x140
#define CXL_VENDOR_ID 0x1e98
#define DVSEC_LENGTH 0x40

static char *address = "";
module_param(address, charp, 0444);
MODULE_PARM_DESC(address, "of the function: DDDD:BB:DD.F");

static ushort device = 0x2941;
module_param(device, ushort, 0444);
MODULE_PARM_DESC(device, "the GPU's device ID");

static bool fixed = true;
module_param(fixed, bool, 0444);
MODULE_PARM_DESC(fixed, "it has no MIG bug");

static bool has_cxl;
module_param(has_cxl, bool, 0444);
MODULE_PARM_DESC(has_cxl, "it tells of its memory by a DVSEC of CXL");

static uint cxl;
module_param(cxl, uint, 0644);
MODULE_PARM_DESC(cxl, "what that says of its memory");

static uint cxl_after_reset;
module_param(cxl_after_reset, uint, 0644);
MODULE_PARM_DESC(cxl_after_reset, "what it says from a reset on");

static uint resets;
module_param(resets, uint, 0444);
MODULE_PARM_DESC(resets, "how often it was reset");

static struct pci_bus *bus;
static unsigned int devfn;
static int pcie_capability;
static struct pci_ops *original;
static struct pci_ops disguised;

static u32 gpu_disguise_capability(int next)
{
	return PCI_EXT_CAP_ID_DVSEC | 1 << 16 | next << 20;
}

/* What the function says in this dword, given what it would say itself. */
static u32 gpu_disguise_dword(int where, u32 own)
{
	if (where == pcie_capability + PCI_EXP_DEVCAP)
		return own | PCI_EXP_DEVCAP_FLR;

	switch (where) {
	case PCI_VENDOR_ID:
		return PCI_VENDOR_ID_NVIDIA | device << 16;
	case NVIDIA_DVSEC:
		return gpu_disguise_capability(has_cxl ? CXL_DVSEC : 0);
	case NVIDIA_DVSEC + PCI_DVSEC_HEADER1:
		return PCI_VENDOR_ID_NVIDIA | DVSEC_LENGTH << 20;
	case NVIDIA_DVSEC + PCI_DVSEC_HEADER2:
		return 3 | fixed << 16;
	}

	if (!has_cxl)
		return own;
	switch (where) {
	case CXL_DVSEC:
		return gpu_disguise_capability(0);
	case CXL_DVSEC + PCI_DVSEC_HEADER1:
		return CXL_VENDOR_ID | DVSEC_LENGTH << 20;
	case CXL_DVSEC + 0x1c:
		return READ_ONCE(cxl);
	}
	return own;
}

/* Both are called with the kernel's lock of configuration space held. */
static int gpu_disguise_read(struct pci_bus *on, unsigned int whom, int where,
			     int size, u32 *value)
{
	int shift = 8 * (where & 3);
	u32 dword;
	int ret;

	if (on != bus || whom != devfn)
		return original->read(on, whom, where, size, value);

	ret = original->read(on, whom, where & ~3, 4, &dword);
	if (ret)
		return ret;

	dword = gpu_disguise_dword(where & ~3, dword);
	*value = dword >> shift & GENMASK(8 * size - 1, 0);
	return PCIBIOS_SUCCESSFUL;
}

static int gpu_disguise_write(struct pci_bus *on, unsigned int whom, int where,
			      int size, u32 value)
{
	if (on == bus && whom == devfn &&
	    where == pcie_capability + PCI_EXP_DEVCTL &&
	    value & PCI_EXP_DEVCTL_BCR_FLR) {
		WRITE_ONCE(cxl, cxl_after_reset);
		resets++;
	}
	return original->write(on, whom, where, size, value);
}

static int __init gpu_disguise_init(void)
{
	unsigned int domain, number, slot, function;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &number, &slot,
		   &function) != 4)
		return -EINVAL;

	bus = pci_find_bus(domain, number);
	if (!bus)
		return -ENODEV;
	devfn = PCI_DEVFN(slot, function);
	pcie_capability = pci_bus_find_capability(bus, devfn, PCI_CAP_ID_EXP);
	if (!pcie_capability)
		return -ENODEV;

	/* Some of the bus's own operations look at its others. */
	original = bus->ops;
	disguised = *original;
	disguised.read = gpu_disguise_read;
	disguised.write = gpu_disguise_write;
	pci_bus_set_ops(bus, &disguised);

	return 0;
}
module_init(gpu_disguise_init);

static void __exit gpu_disguise_exit(void)
{
	pci_bus_set_ops(bus, original);
}
module_exit(gpu_disguise_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A PCI function in the disguise of an NVIDIA GPU");
