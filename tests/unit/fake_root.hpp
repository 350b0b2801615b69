// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "host.hpp"
#include "tree.hpp"

#include <map>
#include <string>
#include <vector>

/**
 * A system tree in a temporary directory, removed with the object.
 *
 *	DIR/sys/class/egm/egm4 -> ../../devices/virtual/egm/egm4
 *	DIR/sys/bus/pci/devices/0008:01:00.0 -> ../../../devices/pci/0008:01:00.0
 *	DIR/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci/0008:01:00.0 -> ...
 *	DIR/dev (without nodes: these need root, so lstat() of them is made up)
 *
 * The builders write a good device or GPU; a test then breaks one thing with write() or remove().
 */
class FakeRoot {
public:
	FakeRoot();
	~FakeRoot();
	FakeRoot(const FakeRoot &) = delete;
	FakeRoot &operator=(const FakeRoot &) = delete;

	/** A device of this project's driver: 447 GiB, idle, NUMA node 2, number 240:PXM. */
	FakeRoot &device(unsigned int pxm, const std::vector<std::string> &gpus);
	/** A device of NVIDIA's shipped driver: egm_size, gpu_devices. */
	FakeRoot &nvidia_device(unsigned int pxm, const std::vector<std::string> &gpus);
	/** A device of the kernel patch series: egm_size, links to GPUs. */
	FakeRoot &series_device(unsigned int pxm, const std::vector<std::string> &gpus);
	/** A GPU bound to this project's driver. */
	FakeRoot &gpu(const std::string &address, const std::string &status,
		      const std::string &reason, unsigned int pxm);
	/** A GPU bound to a driver that knows no egm/ directory. */
	FakeRoot &plain_gpu(const std::string &address, const std::string &driver);
	FakeRoot &module(const std::string &name);

	/** What lstat() shall say of a path: a character node. */
	FakeRoot &node(const std::string &path, unsigned int major, unsigned int minor);
	FakeRoot &no_node(const std::string &path);

	FakeRoot &write(const std::string &path, const std::string &content);
	FakeRoot &link(const std::string &path, const std::string &target);
	FakeRoot &directory(const std::string &path);
	FakeRoot &remove(const std::string &path);

	const std::string &path() const { return path_; }
	std::string at(const std::string &path) const { return path_ + path; }
	egm::Tree tree() const { return egm::Tree(path_); }
	egm::Host host() const;

private:
	egm::Reading<struct stat> lstat(const std::string &path) const;
	std::string make_device(unsigned int pxm, const std::vector<std::string> &links);

	std::string path_;
	std::map<std::string, struct stat> nodes_;
};

/** Takes root's rights away while it lives, so that permission tests mean something for root. */
class Unprivileged {
public:
	Unprivileged();
	~Unprivileged();
	Unprivileged(const Unprivileged &) = delete;
	Unprivileged &operator=(const Unprivileged &) = delete;

private:
	bool dropped_;
};
