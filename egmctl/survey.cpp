// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey.hpp"

#include "kvm.hpp"
#include "parse.hpp"
#include "parse_host.hpp"
#include "process.hpp"
#include "sysfs_reader.hpp"

#include <fmt/format.h>

namespace egm {

namespace {

constexpr std::size_t text_limit = 16 * 1024 * 1024;

template <class T>
Reading<T> known_or(const std::optional<T> &value, const Unknown &unknown)
{
	if (value)
		return *value;
	return unknown;
}

InstalledModule read_installed(const Tree &tree, const Reading<std::string> &release,
			       const std::string &name)
{
	InstalledModule module;
	if (!release)
		return module;
	const auto directory = "/lib/modules/" + *release;
	const auto list = tree.read_file(directory + "/modules.dep", text_limit);
	if (!list) {
		// A kernel that is not installed has no modules; a tree without any says nothing.
		module.path = tree.exists("/lib/modules") ? list.unknown()
							  : Unknown{ Why::not_asked, {} };
		return module;
	}
	module.path = known_or(parse_module_path(*list, name), {});
	if (!module.path || !tree.live())
		return module;
	const auto field = [&](const char *key) {
		return output_of({ "modinfo", "-k", *release, "-F", key, name })
			.then([](const std::string &text) -> Reading<std::string> {
				return printable(text.substr(0, text.find('\n')));
			});
	};
	module.srcversion = field("srcversion");
	module.signer = field("signer");
	return module;
}

Reading<std::map<std::string, std::string>> read_config(const Tree &tree,
							const Surroundings &around)
{
	using Config = std::map<std::string, std::string>;
	if (!around.release)
		return Unknown{};
	// What the running kernel says of itself is true wherever it came from.
	if (tree.live() && !around.other_kernel)
		if (const auto text = output_of({ "zcat", "/proc/config.gz" }))
			return parse_config(*text);
	for (const auto &path :
	     { "/boot/config-" + *around.release, "/lib/modules/" + *around.release + "/config" }) {
		const auto text = tree.read_file(path, text_limit);
		if (text)
			return parse_config(*text);
	}
	return Reading<Config>(Unknown{});
}

// type1, or iommufd in its place: the kernel has one of them behind /dev/vfio/vfio.
Reading<bool> has_type1(const Tree &tree, const Surroundings &around)
{
	if (tree.exists("/sys/module/vfio_iommu_type1") && !around.other_kernel)
		return true;
	if (!around.config)
		return around.config.unknown();
	const auto has = [&](const char *option) {
		const auto found = around.config->find(option);
		return found != around.config->end() &&
		       (found->second == "y" || found->second == "m");
	};
	return has("CONFIG_VFIO_IOMMU_TYPE1") && !has("CONFIG_IOMMUFD_VFIO_CONTAINER");
}

Reading<bool> node_exists(const Tree &tree, const std::string &path)
{
	if (!tree.exists("/dev"))
		return Unknown{ Why::not_asked, {} };
	return tree.exists(path);
}

Reading<std::vector<Range>> read_ram(const Tree &tree)
{
	using Ranges = std::vector<Range>;
	return tree.read_file("/proc/iomem", text_limit)
		.then([&](const std::string &text) -> Reading<Ranges> {
			return known_or(parse_iomem(text, "System RAM"),
					{ Why::permission, tree.shown("/proc/iomem") });
		});
}

void read_distances(const Tree &tree, Surroundings &around)
{
	const std::string directory = "/sys/devices/system/node";
	const auto names = tree.list_directory(directory);
	if (!names)
		return;
	constexpr std::string_view prefix = "node";
	for (const auto &name : *names) {
		if (!name.starts_with(prefix))
			continue;
		const auto node = parse_u64(std::string_view(name).substr(prefix.size()));
		const auto text = tree.read_file(directory + "/" + name + "/distance", 65536);
		const auto distances = text ? parse_numbers(*text) : std::nullopt;
		if (node && distances)
			around.distances[*node] = *distances;
	}
}

Function read_function(const Tree &tree, const std::string &address)
{
	const SysfsReader sysfs(tree, "/sys/bus/pci/devices/" + address);
	return { address, sysfs.link_name("driver"), sysfs.numa_node("numa_node") };
}

Group read_group(const Tree &tree, const Gpu &gpu)
{
	Group group;
	group.gpu = gpu.address;
	if (!gpu.iommu_group) {
		group.members = gpu.iommu_group.unknown();
		return group;
	}
	const auto names =
		tree.list_directory("/sys/kernel/iommu_groups/" + *gpu.iommu_group + "/devices");
	std::vector<Function> members;
	if (names)
		for (const auto &name : *names)
			if (parse_pci_address(name))
				members.push_back(read_function(tree, name));
	group.members = members;
	group.node = node_exists(tree, "/dev/vfio/" + *gpu.iommu_group);
	if (group.node && !*group.node && gpu.vfio_device)
		group.node = node_exists(tree, "/dev/vfio/devices/" + *gpu.vfio_device);
	return group;
}

Kvm read_kvm(const Tree &tree)
{
	Kvm kvm;
	if (!tree.exists("/dev")) {
		kvm.node = Unknown{ Why::not_asked, {} };
		return kvm;
	}
	kvm.node = tree.status_of("/dev/kvm")
			   .then([](const struct stat &status) -> Reading<NodeOwner> {
				   return NodeOwner{ status.st_mode & 07777u, status.st_uid,
						     status.st_gid };
			   });
	if (tree.live() && kvm.node)
		kvm.cacheable_pfnmap = kvm_maps_cacheable();
	return kvm;
}

Libvirt read_libvirt(const Tree &tree)
{
	Libvirt libvirt;
	libvirt.installed = tree.exists("/usr/share/libvirt");
	if (!libvirt.installed)
		return libvirt;
	const auto schema =
		tree.read_file("/usr/share/libvirt/schemas/domaincommon.rng", text_limit);
	libvirt.knows_egm = schema && schema->find("<value>egm</value>") != schema->npos;

	const auto conf = tree.read_file("/etc/libvirt/qemu.conf", text_limit);
	if (conf)
		libvirt.nodes = parse_conf_list(*conf, "cgroup_device_acl")
					.value_or(std::set<std::string>{});
	else
		libvirt.nodes = conf.unknown();

	const std::string profile = "/etc/apparmor.d/abstractions/libvirt-qemu";
	if (tree.exists(profile)) {
		bool found = false;
		std::vector<std::string> files = {
			profile, "/etc/apparmor.d/local/abstractions/libvirt-qemu"
		};
		if (const auto names = tree.list_directory(profile + ".d"))
			for (const auto &name : *names)
				files.push_back(profile + ".d/" + name);
		for (const auto &path : files) {
			const auto text = tree.read_file(path, text_limit);
			found = found || (text && text->find("/dev/egm") != text->npos);
		}
		libvirt.apparmor = found;
	}
	const auto enforce = tree.read_file("/sys/fs/selinux/enforce", 16);
	if (enforce)
		libvirt.selinux = enforce->starts_with('1');
	return libvirt;
}

Reading<Account> read_vm_user(const Tree &tree, const std::string &name)
{
	const auto passwd = tree.read_file("/etc/passwd", text_limit);
	if (!passwd)
		return passwd.unknown();
	const auto group = tree.read_file("/etc/group", text_limit);
	const auto find = [&](const std::string &account) {
		return parse_account(*passwd, group ? *group : std::string(), account);
	};
	if (!name.empty())
		return known_or(find(name), { Why::failed, fmt::format("{}: no such account",
								       printable(name)) });
	for (const auto *account : { "libvirt-qemu", "qemu" })
		if (const auto found = find(account))
			return *found;
	return Unknown{};
}

} // namespace

std::vector<Function> nvidia_gpus(const Tree &tree)
{
	constexpr std::uint64_t nvidia = 0x10de;
	constexpr std::uint64_t display = 0x03;
	const std::string directory = "/sys/bus/pci/devices";
	std::vector<Function> gpus;
	const auto names = tree.list_directory(directory);
	if (!names)
		return gpus;
	for (const auto &name : *names) {
		if (!parse_pci_address(name))
			continue;
		const SysfsReader sysfs(tree, directory + "/" + name);
		const auto vendor = sysfs.number("vendor");
		const auto kind = sysfs.number("class");
		if (vendor && kind && *vendor == nvidia && *kind >> 16 == display)
			gpus.push_back(read_function(tree, name));
	}
	return gpus;
}

Qemu survey_qemu(const Tree &tree, const std::string &program)
{
	Qemu qemu;
	if (!tree.live())
		return qemu;
	const auto programs = program.empty() ? std::vector<std::string>{ "qemu-system-aarch64",
									  "/usr/libexec/qemu-kvm" }
					      : std::vector<std::string>{ program };
	for (const auto &path : programs) {
		const auto version = output_of({ path, "--version" });
		if (!version)
			continue;
		qemu.version = printable(version->substr(0, version->find('\n')));
		qemu.objects = output_of({ path, "-object", "help" })
				       .then([](const std::string &text)
						     -> Reading<std::set<std::string>> {
					       return parse_qemu_list(text);
				       });
		break;
	}
	return qemu;
}

Surroundings survey(const Tree &tree, const Host &host, const SurveyOptions &options)
{
	Surroundings around;
	around.release =
		options.kernel.empty() ? host.machine.kernel : Reading<std::string>(options.kernel);
	around.other_kernel = !options.kernel.empty() &&
			      !(host.machine.kernel && *host.machine.kernel == options.kernel);
	around.cpu = SysfsReader(tree, "/sys/devices/system/cpu/cpu0/regs/identification")
			     .number("midr_el1");
	around.config = read_config(tree, around);
	around.lockdown = tree.read_file("/sys/kernel/security/lockdown", 4096)
				  .then([](const std::string &text) -> Reading<std::string> {
					  return known_or(parse_choice(text), {});
				  });
	around.egm_module = read_installed(tree, around.release, "nvgrace-egm");
	around.gpu_module = read_installed(tree, around.release, "nvgrace-gpu-vfio-pci");
	around.map_retired =
		SysfsReader(tree, "/sys/module/nvgrace_egm/parameters").word("map_retired");
	for (const auto &device : host.devices)
		around.retired[device.name] = SysfsReader(tree, "/sys/class/egm/" + device.name)
						      .retired_pages("retired_pages");
	around.system_ram = read_ram(tree);
	read_distances(tree, around);
	around.nvidia = nvidia_gpus(tree);
	for (const auto &gpu : host.gpus)
		around.groups.push_back(read_group(tree, gpu));
	around.iommufd = node_exists(tree, "/dev/iommu");
	around.type1 = has_type1(tree, around);
	around.kvm = read_kvm(tree);
	around.qemu = survey_qemu(tree, options.qemu);
	around.libvirt = read_libvirt(tree);
	around.vm_user = read_vm_user(tree, options.vm_user);
	return around;
}

} // namespace egm
