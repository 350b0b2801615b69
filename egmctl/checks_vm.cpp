// SPDX-License-Identifier: GPL-2.0-or-later
// KVM, VFIO, QEMU and libvirt: what a virtual machine needs beside the memory.
#include "checks.hpp"
#include "device_node.hpp"
#include "diagnose.hpp"
#include "parse_host.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace egm {

namespace {

constexpr const char *host_setup_hint = "`egmctl vm-config --part host-setup` prints what to do";

Results check_kvm(const Subject &subject)
{
	const auto &node = subject.around.kvm.node;
	if (node)
		return { pass("/dev/kvm") };
	if (node.unknown().why != Why::not_exported)
		return { skip(node.unknown()) };
	return { { Verdict::fail,
		   {},
		   "/dev/kvm is missing",
		   "boot the host kernel at EL2 (no hypervisor below it), with CONFIG_KVM",
		   {} } };
}

Results check_kvm_access(const Subject &subject)
{
	const auto &node = subject.around.kvm.node;
	const auto &user = subject.around.vm_user;
	if (!node)
		return { skip("/dev/kvm is not known") };
	if (!user)
		return { skip("no account that runs QEMU is known") };
	const unsigned int bits = user->uid == node->uid	   ? node->mode >> 6
				  : user->gids.contains(node->gid) ? node->mode >> 3
								   : node->mode;
	if (user->uid == 0 || (bits & 6) == 6)
		return { pass(fmt::format("{} may open /dev/kvm", user->name)) };
	return { { Verdict::warn,
		   {},
		   fmt::format("{} may not open /dev/kvm", user->name),
		   fmt::format("usermod -aG kvm {}", user->name),
		   { { "mode", fmt::format("{:04o}", node->mode) } } } };
}

Results check_pfnmap(const Subject &subject)
{
	if (subject.around.other_kernel) {
		// It cannot be asked; distributions may have put into it what came with 6.17.
		const auto &release = subject.around.release;
		const auto version = release ? parse_release(*release) : std::nullopt;
		if (version && *version < std::pair{ 6u, 17u })
			return { { Verdict::warn,
				   {},
				   "KVM before 6.17 maps this memory as Device: guests hang",
				   "boot Linux 6.17 or newer",
				   { { "release", *release } } } };
		return { skip("asked about a kernel that is not running") };
	}
	const auto &cacheable = subject.around.kvm.cacheable_pfnmap;
	if (!cacheable)
		return { skip(cacheable.unknown()) };
	if (!*cacheable)
		return { { Verdict::fail,
			   {},
			   "KVM maps this memory as Device: guests hang",
			   "boot Linux 6.17 or newer, on CPUs with FWB and DIC (Grace has both)",
			   { { "KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED", "0" } } } };
	return { pass("KVM maps this memory cacheable") };
}

Results check_backend(const Subject &subject)
{
	const auto &around = subject.around;
	if (!around.type1)
		return { skip(around.type1.unknown()) };
	if (*around.type1)
		return { pass("type1") };
	if (around.iommufd && *around.iommufd)
		return {
			{ Verdict::fail,
			  {},
			  "there is only iommufd, which cannot pin memory that has no struct pages",
			  "use a kernel with CONFIG_VFIO_IOMMU_TYPE1",
			  { { "iommufd", "yes" }, { "type1", "no" } } }
		};
	return { { Verdict::fail,
		   {},
		   "VFIO has no back end: neither type1 nor iommufd",
		   "modprobe vfio_iommu_type1",
		   { { "iommufd", "no" }, { "type1", "no" } } } };
}

Results check_iommufd(const Subject &subject)
{
	if (!subject.around.iommufd)
		return { skip(subject.around.iommufd.unknown()) };
	return { { Verdict::info,
		   {},
		   *subject.around.iommufd ? "/dev/iommu is there" : "there is no /dev/iommu",
		   {},
		   {} } };
}

Results check_iommufd_pfnmap(const Subject &subject)
{
	if (!subject.around.iommufd)
		return { skip(subject.around.iommufd.unknown()) };
	if (!*subject.around.iommufd)
		return { pass("no iommufd that a VM could use by mistake") };
	return { { Verdict::warn,
		   {},
		   "a VM that uses iommufd does not start: QEMU says vfio_container_dma_map(...) = "
		   "-14 (Bad address) or -22 (Invalid argument)",
		   "leave iommufd= out of QEMU's vfio-pci devices, so that they use type1",
		   {} } };
}

Results check_qemu_version(const Subject &subject)
{
	const auto &version = subject.around.qemu.version;
	if (!version)
		return { skip("qemu-system-aarch64 is not known") };
	return { pass(*version) };
}

Results check_qemu_objects(const Subject &subject)
{
	const auto &objects = subject.around.qemu.objects;
	if (!objects)
		return { skip("qemu-system-aarch64 is not known") };
	for (const auto *object : { "acpi-generic-initiator", "acpi-egm-memory" })
		if (!objects->contains(object))
			return { { Verdict::warn,
				   {},
				   fmt::format("QEMU has no object {}: the guest's RAM is EGM, and "
					       "its GPU driver is not told",
					       object),
				   "use NVIDIA's QEMU if the guest shall know",
				   { { "missing", object } } } };
	return { pass("acpi-generic-initiator, acpi-egm-memory") };
}

Results check_schema(const Subject &subject)
{
	const auto &libvirt = subject.around.libvirt;
	if (!libvirt.installed || !libvirt.knows_egm)
		return { skip("no libvirt") };
	if (*libvirt.knows_egm)
		return { pass("libvirt knows model='egm'") };
	return {
		{ Verdict::info,
		  {},
		  "libvirt does not know model='egm': use `egmctl vm-config --format libvirt-qemu`",
		  {},
		  {} }
	};
}

Results check_cgroup(const Subject &subject)
{
	const auto &libvirt = subject.around.libvirt;
	if (!libvirt.installed)
		return { skip("no libvirt") };
	if (libvirt.knows_egm && *libvirt.knows_egm)
		return { pass("libvirt does it by itself") };
	if (!libvirt.nodes)
		return { skip(libvirt.nodes.unknown()) };
	Results results;
	for (const auto &device : subject.host.devices)
		if (!libvirt.nodes->contains(node_path(device.name)))
			results.push_back({ Verdict::warn,
					    device.name,
					    fmt::format("{} is not in cgroup_device_acl",
							node_path(device.name)),
					    host_setup_hint,
					    {} });
	if (results.empty())
		results.push_back(pass("the nodes are in cgroup_device_acl"));
	return results;
}

Results check_mac(const Subject &subject)
{
	const auto &libvirt = subject.around.libvirt;
	if (!libvirt.installed)
		return { skip("no libvirt") };
	if (libvirt.knows_egm && *libvirt.knows_egm)
		return { pass("libvirt does it by itself") };
	if (libvirt.apparmor && !*libvirt.apparmor)
		return { { Verdict::warn,
			   {},
			   "AppArmor's profile of QEMU has no rule for /dev/egm*",
			   host_setup_hint,
			   {} } };
	if (libvirt.selinux && *libvirt.selinux)
		return { { Verdict::info,
			   {},
			   "SELinux enforces: the nodes need the label svirt_image_t",
			   {},
			   {} } };
	if (!libvirt.apparmor && !libvirt.selinux)
		return { skip("neither AppArmor nor SELinux") };
	return { pass("nothing is in the way") };
}

} // namespace

std::vector<Check> vm_checks()
{
	return {
		{ "kvm.present", "KVM", false, { "host.arch" }, check_kvm },
		{ "kvm.access", "who may use KVM", false, { "kvm.present" }, check_kvm_access },
		{ "kvm.cacheable-pfnmap",
		  "whether KVM can map this memory",
		  true,
		  { "kvm.present", "host.kernel" },
		  check_pfnmap },
		{ "vm.backend", "VFIO back end", false, {}, check_backend },
		{ "kvm.iommufd", "iommufd", false, {}, check_iommufd },
		{ "kvm.iommufd-pfnmap",
		  "iommufd and this memory",
		  false,
		  { "vm.backend" },
		  check_iommufd_pfnmap },
		{ "qemu.version", "QEMU", false, {}, check_qemu_version },
		{ "qemu.object", "QEMU's objects", false, {}, check_qemu_objects },
		{ "libvirt.schema", "libvirt's schema", false, {}, check_schema },
		{ "libvirt.cgroup-acl", "libvirt's list of devices", true, {}, check_cgroup },
		{ "libvirt.mac", "AppArmor and SELinux", false, {}, check_mac },
	};
}

} // namespace egm
