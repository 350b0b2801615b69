// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every allocation and every copy on the way of a module into the kernel and of a device to its
// driver fails once, and so do those of whoever uses the device. Whatever comes of it, the same
// thing works right after that; tests/vm/init looks for what has leaked.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>
#include <linux/egm.h>

#include "child.hpp"
#include "driver.hpp"
#include "failing.hpp"
#include "kernel_file.hpp"
#include "mapping.hpp"
#include "memory_error.hpp"
#include "programs/gpu.hpp"
#include "region.hpp"
#include "wait.hpp"

using namespace e2e;
using programs::Function, programs::Gpu;

namespace {

const std::string egm_module = "nvgrace-egm", gpu_module = "nvgrace-gpu-vfio-pci";
const std::string gpu_driver = "/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci/";

/// Of a module that is in memory by then. What brings it there warns where there is none.
const std::string initialisation = "do_init_module";

bool exists(const std::string &path)
{
	return access(path.c_str(), F_OK) == 0;
}

class Failures : public testing::Test {
protected:
	void SetUp() override { Failing::set_up(); }

	void TearDown() override
	{
		// All is as it was before.
		if (region.attribute("poison_count") != "0")
			return;
		EXPECT_EQ(region.state(), "idle");
		const UniqueFd owner = region.own();
		EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
	}

	/// Does something with each allocation failing once; `restore` undoes what was done.
	static void survive(const std::function<int()> &action,
			    const std::function<void()> &restore)
	{
		unsigned int refused = 0;
		const unsigned int chances = Failing::each_chance(
			[&] {
				try {
					return action();
				} catch (const std::system_error &error) {
					return error.code().value();
				} catch (const std::exception &) {
					return EIO; // a file that it did not get
				}
			},
			[&](int error, int, unsigned int) {
				refused += error != 0;
				last_error = error;
				restore();
			});
		// With nothing left that could fail, it works.
		EXPECT_EQ(last_error, 0);
		EXPECT_GT(chances, 0u);
		std::cout << chances << " failed, " << refused << " of them to be seen\n";
	}

	/// Loaded without a GPU afterwards: that probes are to be survived is another test.
	void unload_gpu_driver() const
	{
		write_text(gpu_driver + "unbind", address);
		unload_module(gpu_module);
		write_text(chosen(), "\n");
	}
	void load_gpu_driver() const
	{
		ASSERT_EQ(load_module(gpu_module), 0);
		write_text(chosen(), "nvgrace_gpu_vfio_pci");
	}
	std::string chosen() const { return devices + address + "/driver_override"; }

	const std::string devices = "/sys/bus/pci/devices/";
	const Region region = regions().front();
	const std::string address = programs::describe_gpu("registers")["address"];

private:
	inline static int last_error;
};

} // namespace

TEST_F(Failures, LoadingTheDriverOfRegions)
{
	const Failing::Within within(initialisation, Failing::Calls::fail);

	unload_driver();
	survive([&] { return load_driver(); },
		[&] {
			if (exists("/sys/module/nvgrace_egm"))
				unload_driver();
			EXPECT_FALSE(exists(region.node()));
		});
	ASSERT_EQ(load_driver(), 0);
}

TEST_F(Failures, ProbingARegion)
{
	unbind(region);
	survive([&] { return try_bind(region); },
		[&] {
			if (exists(region.node())) {
				EXPECT_NE(region.attribute("retired_pages"), "")
					<< "offered without its list";
				unbind(region);
			}
			EXPECT_FALSE(exists(region.node()));
		});
	bind(region);
}

TEST_F(Failures, RemovingARegion)
{
	const std::string driver = "/sys/bus/auxiliary/drivers/nvgrace_egm.egm/";
	const std::string device = "nvgrace_gpu_vfio_pci.egm." + std::to_string(region.pxm);

	survive([&] { return write_error(driver + "unbind", device); },
		[&] {
			if (!exists(driver + device))
				bind(region);
			EXPECT_TRUE(exists(region.node()));
		});
}

TEST_F(Failures, TheOwner)
{
	// The kernel complains where it gets no stack for the child, which it may not need: it
	// keeps some.
	const Failing::Within within("__vmalloc_node_range_noprof", Failing::Calls::are_spared);

	survive(
		[&] {
			const UniqueFd owner = region.open(O_RDWR);

			if (!owner)
				return errno;
			void *mapping = map(owner.get(), region.size, 0, PROT_READ | PROT_WRITE,
					    MAP_SHARED);
			if (mapping == MAP_FAILED)
				return errno;
			// A touch that finds no memory for a table is tried again.
			static_cast<volatile char *>(mapping)[0] = 1;
			const pid_t child = fork();
			if (!child)
				_exit(0);
			const int error = child < 0 ? errno : 0;
			if (child > 0)
				waitpid(child, nullptr, 0);
			munmap(mapping, region.size);
			return error;
		},
		[&] { EXPECT_EQ(region.state(), "idle"); });
}

TEST_F(Failures, AQueryHandle)
{
	const std::vector<std::string> attributes = { "egm_size", "state", "retired_pages",
						      "gpu_devices", "base" };

	survive(
		[&] {
			const UniqueFd handle = region.open(O_RDONLY);
			egm_info info = {};
			std::array<std::uint64_t, 3> space = { sizeof(space) };

			info.argsz = sizeof(info);
			if (!handle || ioctl(handle.get(), EGM_GET_INFO, &info) ||
			    ioctl(handle.get(), EGM_RETIRED_PAGES_LIST, space.data()) ||
			    lseek(handle.get(), 0, SEEK_END) < 0)
				return errno;
			for (const std::string &attribute : attributes) {
				const UniqueFd file(open(region.sysfs(attribute).c_str(),
							 O_RDONLY | O_CLOEXEC));
				std::array<char, 4096> text;

				if (!file || read(file.get(), text.data(), text.size()) < 0)
					return errno;
			}
			return 0;
		},
		[] {});
}

TEST_F(Failures, LoadingTheDriverOfGpus)
{
	const Failing::Within within(initialisation, Failing::Calls::fail);

	unload_driver();
	unload_gpu_driver();
	survive([&] { return load_module(gpu_module); },
		[&] {
			if (exists("/sys/module/nvgrace_gpu_vfio_pci"))
				unload_module(gpu_module);
		});
	load_gpu_driver();
	ASSERT_EQ(load_driver(), 0);
	write_text(gpu_driver + "bind", address);
}

// The first GPU of a socket brings the region along, the last one takes it away.
TEST_F(Failures, ProbingAGpu)
{
	// Where that fails, vfio_group_release() warns of what is the kernel's own.
	const Failing::Within within("vfio_create_group", Failing::Calls::are_spared);

	survive([&] { return write_error(gpu_driver + "bind", address); },
		[&] {
			if (exists(gpu_driver + address))
				write_text(gpu_driver + "unbind", address);
			EXPECT_FALSE(exists(region.node()));
		});
	write_text(gpu_driver + "bind", address);
}

// What is asked for only where the driver has never heard of the region: it hears of it each time
// that all else goes well.
TEST_F(Failures, OfferingARegionForTheFirstTime)
{
	std::optional<Failing::Within> within;
	unsigned int joined = 0, refused = 0;
	const auto start_anew = [&] {
		within.reset();
		unload_gpu_driver();
		load_gpu_driver();
		within.emplace("egm_dev_join", Failing::Calls::fail);
	};

	// Whose probe is another test.
	unload_driver();
	start_anew();
	survive([&] { return write_error(gpu_driver + "bind", address); },
		[&] {
			const std::string status = text_of(devices + address + "/egm/status");

			(status == "joined\n" ? joined : refused)++;
			start_anew();
		});
	within.reset();
	write_text(gpu_driver + "bind", address);
	ASSERT_EQ(load_driver(), 0);
	// The GPU has its driver in any case.
	EXPECT_GT(joined, 0u);
	EXPECT_GT(refused, 0u);
}

// The region is there already, and stays.
TEST_F(Failures, JoiningARegion)
{
	const std::string second = programs::describe_gpu("second")["address"];
	const std::string joined = text_of(region.sysfs("gpu_devices"));

	if (exists(devices + second + "/driver"))
		write_text(devices + second + "/driver/unbind", second);
	write_text(devices + second + "/driver_override", "nvgrace_gpu_vfio_pci");
	const Failing::Within within("vfio_create_group", Failing::Calls::are_spared);
	survive([&] { return write_error(gpu_driver + "bind", second); },
		[&] {
			if (exists(gpu_driver + second)) {
				EXPECT_EQ(text_of(devices + second + "/egm/status"), "joined\n");
				write_text(gpu_driver + "unbind", second);
			}
			EXPECT_EQ(text_of(region.sysfs("gpu_devices")), joined);
		});
	write_text(devices + second + "/driver_override", "\n");
}

TEST_F(Failures, RemovingAGpu)
{
	survive([&] { return write_error(gpu_driver + "unbind", address); },
		[&] {
			if (!exists(gpu_driver + address))
				write_text(gpu_driver + "bind", address);
			EXPECT_TRUE(exists(region.node()));
		});
}

// The group is in a container already: where that fails, the kernel's own code warns.
TEST_F(Failures, WhoOpensAGpu)
{
	Gpu gpu("registers");

	survive(
		[&] {
			gpu.close();
			gpu.open();
			const Function function = gpu.function();

			gpu.set_decoding(true);
			for (const auto part : { programs::usable, programs::reserved }) {
				function.region(part);
				const Mapping mapping = gpu.map(part, granule);
				std::array<std::uint8_t, 64> data;

				mapping.bytes()[0] = 1;
				if (function.read(part, 0, data.data(), data.size()) < 0 ||
				    function.write(part, 0, data.data(), data.size()) < 0)
					return errno;
				function.dma_buffer(part, { 0, granule });
			}
			return function.reset();
		},
		[] {});
}

// The last one: the page stays what it is. Who gets the signal is another process: to deliver one
// takes a copy, too.
TEST_F(Failures, MemoryThatFails)
{
	const std::uint64_t failed =
		region.description["base"].get<std::uint64_t>() + region.size / 2;
	Event mapped;
	Child owner([&] {
		const UniqueFd file = region.own();
		const Mapping whole(file, region.size);

		prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
		std::signal(SIGBUS, [](int) {});
		mapped.set();
		for (;;)
			pause();
		return 0;
	});

	mapped.wait();
	survive([&] { return simulate_error(failed); }, [] {});
	EXPECT_TRUE(wait_until([&] { return region.attribute("poison_count") == "1"; }));
}
