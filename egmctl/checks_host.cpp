// SPDX-License-Identifier: GPL-2.0-or-later
// The machine, its kernel and our modules.
#include "checks.hpp"
#include "parse.hpp"
#include "parse_host.hpp"

#include <fmt/format.h>

#include <array>

namespace egm {

namespace {

constexpr const char *install = "install this project's modules for that kernel";

Results check_arch(const Subject &subject)
{
	const auto &arch = subject.host.machine.arch;
	if (!arch)
		return { skip(arch.unknown()) };
	if (*arch != "aarch64")
		return { { Verdict::fail,
			   {},
			   fmt::format("{}: EGM exists on Arm hosts only", *arch),
			   "run this on an NVIDIA Grace host",
			   { { "architecture", *arch } } } };
	return { pass(*arch) };
}

Results check_cpu(const Subject &subject)
{
	const auto &cpu = subject.around.cpu;
	if (!cpu)
		return { skip(cpu.unknown()) };
	constexpr std::uint64_t neoverse_v2 = 0xd4f;
	const auto part = *cpu >> 4 & 0xfff;
	if (part == neoverse_v2)
		return { pass("Neoverse V2") };
	return { { Verdict::info,
		   {},
		   fmt::format("part {:#x}, not the Neoverse V2 of Grace", part),
		   {},
		   { { "midr_el1", fmt::format("{:#x}", *cpu) } } } };
}

Results check_kernel(const Subject &subject)
{
	const auto &release = subject.around.release;
	if (!release)
		return { skip(release.unknown()) };
	const auto version = parse_release(*release);
	const auto shown = printable(*release);
	if (!version)
		return { skip(fmt::format("{}: a version of no known form", shown)) };
	if (*version < std::pair{ 6u, 12u })
		return { { Verdict::fail,
			   {},
			   fmt::format("{}: the modules need 6.12 or newer", shown),
			   "boot a newer kernel",
			   { { "release", *release } } } };

	const auto &config = subject.around.config;
	if (!config)
		return { pass(fmt::format("{}, configuration not known", shown)) };
	for (const auto *option :
	     { "CONFIG_ACPI", "CONFIG_MEMORY_FAILURE", "CONFIG_VFIO_PCI_CORE" }) {
		const auto found = config->find(option);
		if (found == config->end() || (found->second != "y" && found->second != "m"))
			return { { Verdict::fail,
				   {},
				   fmt::format("{} is built without {}", shown, option),
				   "boot a kernel that has it",
				   { { "release", *release } } } };
	}
	return { pass(shown) };
}

std::array<std::pair<const char *, const InstalledModule *>, 2>
modules_of(const Surroundings &around)
{
	return { { { "nvgrace-gpu-vfio-pci", &around.gpu_module },
		   { "nvgrace-egm", &around.egm_module } } };
}

Results check_installed(const Subject &subject)
{
	Results results;
	for (const auto &[name, module] : modules_of(subject.around)) {
		if (!module->path && module->path.unknown().why != Why::not_exported)
			results.push_back(skip(module->path.unknown()));
		else if (!module->path)
			results.push_back(
				{ Verdict::warn,
				  {},
				  fmt::format("{} is not installed for this kernel", name),
				  install,
				  {} });
		else if (module->path->starts_with("kernel/"))
			results.push_back({ Verdict::warn,
					    {},
					    fmt::format("{} is the kernel's own", name),
					    install,
					    { { "path", *module->path } } });
	}
	if (results.empty())
		results.push_back(pass("both modules are installed for this kernel"));
	return results;
}

Results check_secureboot(const Subject &subject)
{
	const auto &lockdown = subject.around.lockdown;
	if (!lockdown)
		return { skip(lockdown.unknown()) };
	if (*lockdown == "none")
		return { pass("the kernel takes unsigned modules") };
	for (const auto &[name, module] : modules_of(subject.around)) {
		if (!module->signer)
			return { skip(module->signer.unknown()) };
		if (module->signer->empty())
			return {
				{ Verdict::warn,
				  {},
				  fmt::format("{} is not signed, and the kernel is locked down",
					      name),
				  "sign the modules with a key that is enrolled (mokutil --import)",
				  { { "lockdown", *lockdown } } }
			};
	}
	return { pass(fmt::format("lockdown {}, modules signed", *lockdown)) };
}

Results check_loaded(const Subject &subject)
{
	if (subject.around.other_kernel)
		return { skip("asked about a kernel that is not running") };
	const auto &host = subject.host;
	if (!host.gpu_module.loaded)
		return { { Verdict::fail,
			   {},
			   "nvgrace_gpu_vfio_pci is not loaded",
			   "modprobe nvgrace-gpu-vfio-pci",
			   {} } };
	if (!host.egm_module.loaded)
		return { { Verdict::fail,
			   {},
			   "nvgrace_egm is not loaded",
			   "modprobe nvgrace-egm",
			   {} } };
	return { pass("nvgrace_gpu_vfio_pci and nvgrace_egm") };
}

Results check_pair(const Subject &subject)
{
	const auto &host = subject.host;
	if (subject.around.other_kernel)
		return { skip("asked about a kernel that is not running") };
	const auto &egm = host.egm_module;
	const auto &gpu = host.gpu_module;
	const char *const fix = "unload both modules and load the two of one package";
	if (!egm.version || !gpu.version) {
		// The kernel's own copies have no version, ours have.
		if (static_cast<bool>(egm.version) != static_cast<bool>(gpu.version))
			return { { Verdict::fail,
				   {},
				   fmt::format("{} is this project's, {} is not",
					       egm.version ? "nvgrace_egm" : "nvgrace_gpu_vfio_pci",
					       egm.version ? "nvgrace_gpu_vfio_pci"
							   : "nvgrace_egm"),
				   fix,
				   {} } };
		return { { Verdict::info, {}, "both modules are somebody else's", {}, {} } };
	}
	if (*egm.version != *gpu.version)
		return { { Verdict::fail,
			   {},
			   fmt::format("nvgrace_egm {} and nvgrace_gpu_vfio_pci {}", *egm.version,
				       *gpu.version),
			   fix,
			   { { "nvgrace_egm", *egm.version },
			     { "nvgrace_gpu_vfio_pci", *gpu.version } } } };
	return { pass(*egm.version) };
}

Results check_current(const Subject &subject)
{
	if (subject.around.other_kernel)
		return { skip("asked about a kernel that is not running") };
	const auto &around = subject.around;
	const std::array<std::pair<const Module *, const InstalledModule *>, 2> pairs = {
		{ { &subject.host.gpu_module, &around.gpu_module },
		  { &subject.host.egm_module, &around.egm_module } }
	};
	const std::array names = { "nvgrace_gpu_vfio_pci", "nvgrace_egm" };
	for (std::size_t i = 0; i < pairs.size(); i++) {
		const auto &[loaded, installed] = pairs[i];
		if (!loaded->srcversion)
			return { skip(loaded->srcversion.unknown()) };
		if (!installed->srcversion)
			return { skip(installed->srcversion.unknown()) };
		if (*loaded->srcversion != *installed->srcversion)
			return { { Verdict::fail,
				   {},
				   fmt::format("{}: the loaded module is not the installed one",
					       names[i]),
				   "reload the modules, or reboot; if the wrong copy is installed, "
				   "remove it and run depmod",
				   { { "loaded", *loaded->srcversion },
				     { "installed", *installed->srcversion } } } };
	}
	return { pass("what is loaded is what is installed") };
}

} // namespace

std::vector<Check> host_checks()
{
	return {
		{ "host.arch", "architecture", false, {}, check_arch },
		{ "host.cpu", "CPU", false, { "host.arch" }, check_cpu },
		{ "host.kernel", "kernel", false, {}, check_kernel },
		{ "pkg.dkms", "installed modules", false, {}, check_installed },
		{ "host.secureboot", "signatures of the modules", true, {}, check_secureboot },
		{ "mod.loaded", "loaded modules", false, { "host.arch" }, check_loaded },
		{ "mod.pair", "that the modules are a pair", false, { "mod.loaded" }, check_pair },
		{ "mod.current",
		  "that the loaded modules are the installed ones",
		  false,
		  { "mod.loaded" },
		  check_current },
	};
}

} // namespace egm
