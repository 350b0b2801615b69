// SPDX-License-Identifier: GPL-2.0-or-later
#include "driver.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <system_error>

namespace e2e {

int write_error(const std::string &path, const std::string &text)
{
	UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));

	return !fd || write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
}

int load_module(const std::string &name, const std::string &parameters)
{
	const std::string modules = std::getenv("EGM_MODULES");
	const UniqueFd file = open_file(modules + "/" + name + ".ko", O_RDONLY);

	return syscall(SYS_finit_module, file.get(), parameters.c_str(), 0) ? errno : 0;
}

void unload_module(const std::string &name)
{
	std::string loaded_as = name;

	std::ranges::replace(loaded_as, '-', '_');
	check(syscall(SYS_delete_module, loaded_as.c_str(), O_NONBLOCK), "delete_module");
}

int load_driver(const std::string &parameters)
{
	return load_module("nvgrace-egm", parameters);
}

void unload_driver()
{
	unload_module("nvgrace-egm");
}

void reload_driver(const std::string &parameters)
{
	unload_driver();
	if (int error = load_driver(parameters))
		throw std::system_error(error, std::generic_category(), "finit_module");
}

static const std::string driver = "/sys/bus/auxiliary/drivers/nvgrace_egm.egm/";

static std::string device(const Region &region)
{
	return "nvgrace_gpu_vfio_pci.egm." + std::to_string(region.pxm);
}

void unbind(const Region &region)
{
	write_text(driver + "unbind", device(region));
}

void bind(const Region &region)
{
	write_text(driver + "bind", device(region));
}

int try_bind(const Region &region)
{
	return write_error(driver + "bind", device(region));
}

PhysicalMemory::PhysicalMemory(const Region &region)
	: memory_(open_file("/dev/mem", O_RDWR | O_SYNC), region.size,
		  region.description["base"].get<std::uint64_t>())
{
}

unsigned int SlowClear::cpu()
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
}

SlowClear::SlowClear()
	: nice_(workqueue("nice"), "19"),
	  cpumask_(workqueue("cpumask"), std::format("{:x}", 1u << cpu()))
{
	Event spins;

	hog_.emplace([&] {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(cpu(), &cpus);
		check(sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
		spins.set();
		for (volatile bool forever = true; forever;)
			;
		return 0;
	});
	spins.wait();
}

} // namespace e2e
