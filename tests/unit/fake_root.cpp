// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_root.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace fs = std::filesystem;

namespace {

void must(bool good, const std::string &what)
{
	if (!good)
		throw std::system_error(errno, std::generic_category(), what);
}

std::string lines(const std::vector<std::string> &items)
{
	std::string text;
	for (const auto &item : items)
		text += item + "\n";
	return text;
}

} // namespace

FakeRoot::FakeRoot() : path_((fs::temp_directory_path() / "egm-unit-XXXXXX").string())
{
	must(mkdtemp(path_.data()) != nullptr, "mkdtemp");
	must(chmod(path_.c_str(), 0755) == 0, "chmod");
	directory("/dev");
	directory("/sys/class");
	directory("/sys/bus/pci/devices");
}

FakeRoot::~FakeRoot()
{
	std::error_code ignored;
	fs::remove_all(path_, ignored);
}

std::string FakeRoot::make_device(unsigned int pxm, const std::vector<std::string> &links)
{
	const auto name = fmt::format("egm{}", pxm);
	const auto real = "/sys/devices/virtual/egm/" + name;
	directory(real);
	link("/sys/class/egm/" + name, "../../devices/virtual/egm/" + name);
	write(real + "/egm_size", "0x6fc0000000\n");
	write(real + "/dev", fmt::format("240:{}\n", pxm));
	for (const auto &address : links)
		link(real + "/" + address, "../../../pci/" + address);
	node("/dev/" + name, 240, pxm);
	module("nvgrace_egm");
	return real;
}

FakeRoot &FakeRoot::device(unsigned int pxm, const std::vector<std::string> &gpus)
{
	const auto real = make_device(pxm, gpus);
	write(real + "/gpu_devices", lines(gpus));
	write(real + "/pxm", fmt::format("{}\n", pxm));
	write(real + "/numa_node", "2\n");
	write(real + "/state", "idle\n");
	write(real + "/abi_version", "1\n");
	write(real + "/retired_count", "0\n");
	write(real + "/base", "0x80000000\n");
	write(real + "/mapping_size", "536870912\n");
	write(real + "/cleared_bytes", "479962595328\n");
	write(real + "/clear_time_ms", "1600\n");
	write(real + "/poison_count", "0\n");
	write(real + "/poison", "supported\n");
	return write(real + "/retired_pages", "");
}

FakeRoot &FakeRoot::nvidia_device(unsigned int pxm, const std::vector<std::string> &gpus)
{
	return write(make_device(pxm, {}) + "/gpu_devices", lines(gpus));
}

FakeRoot &FakeRoot::series_device(unsigned int pxm, const std::vector<std::string> &gpus)
{
	make_device(pxm, gpus);
	return *this;
}

FakeRoot &FakeRoot::gpu(const std::string &address, const std::string &status,
			const std::string &reason, unsigned int pxm)
{
	plain_gpu(address, "nvgrace_gpu_vfio_pci");
	const auto egm = "/sys/devices/pci/" + address + "/egm";
	write(egm + "/status", status + "\n");
	write(egm + "/reason", reason + "\n");
	write(egm + "/pxm", fmt::format("{}\n", pxm));
	write(egm + "/size", "0x6fc0000000\n");
	return write(egm + "/base", "0x80000000\n");
}

FakeRoot &FakeRoot::plain_gpu(const std::string &address, const std::string &driver)
{
	const auto real = "/sys/devices/pci/" + address;
	directory(real);
	link("/sys/bus/pci/devices/" + address, "../../../devices/pci/" + address);
	link(real + "/driver", "../../../bus/pci/drivers/" + driver);
	link("/sys/bus/pci/drivers/" + driver + "/" + address,
	     "../../../../devices/pci/" + address);
	return module(driver);
}

FakeRoot &FakeRoot::module(const std::string &name)
{
	return directory("/sys/module/" + name);
}

FakeRoot &FakeRoot::node(const std::string &path, unsigned int major, unsigned int minor)
{
	struct stat status = {};
	status.st_mode = S_IFCHR | 0600;
	status.st_rdev = makedev(major, minor);
	nodes_[path] = status;
	return *this;
}

FakeRoot &FakeRoot::no_node(const std::string &path)
{
	nodes_.erase(path);
	return *this;
}

FakeRoot &FakeRoot::write(const std::string &path, const std::string &content)
{
	fs::create_directories(fs::path(at(path)).parent_path());
	std::ofstream file(at(path), std::ios::binary | std::ios::trunc);
	file << content;
	file.close();
	must(!file.fail(), path);
	return *this;
}

FakeRoot &FakeRoot::link(const std::string &path, const std::string &target)
{
	fs::create_directories(fs::path(at(path)).parent_path());
	fs::create_symlink(target, at(path));
	return *this;
}

FakeRoot &FakeRoot::directory(const std::string &path)
{
	fs::create_directories(at(path));
	return *this;
}

FakeRoot &FakeRoot::remove(const std::string &path)
{
	must(fs::remove_all(at(path)) > 0, path + ": nothing to remove");
	return *this;
}

egm::Reading<struct stat> FakeRoot::lstat(const std::string &path) const
{
	const auto found = nodes_.find(path);
	if (found != nodes_.end())
		return found->second;
	return tree().status_of(path);
}

egm::Host FakeRoot::host() const
{
	return egm::read_host(tree(), [this](const std::string &path) { return lstat(path); });
}

Unprivileged::Unprivileged() : dropped_(geteuid() == 0)
{
	constexpr uid_t nobody = 65534;
	if (dropped_)
		must(seteuid(nobody) == 0, "seteuid");
}

Unprivileged::~Unprivileged()
{
	if (dropped_ && seteuid(0) != 0)
		std::abort();
}
