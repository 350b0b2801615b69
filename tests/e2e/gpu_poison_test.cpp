// SPDX-License-Identifier: GPL-2.0-or-later
//
// A GPU's memory that fails while the GPU is open: who gets a signal. Told.* need a kernel that
// tells drivers of such memory, NotTold.* one that does not; the suite knows which it is.

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "mapping.hpp"
#include "memory_error.hpp"
#include "programs/gpu.hpp"

using namespace e2e;
using programs::Gpu, programs::Part, programs::reserved, programs::usable;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

class Told : public testing::TestWithParam<Part> {
protected:
	void SetUp() override { gpu.set_decoding(true); }

	Gpu gpu{ "registers" };
	const Part part = GetParam();
	const std::uint64_t size = gpu.size(part);

	std::uint64_t address(std::uint64_t offset) const { return gpu.address(part) + offset; }
};

using NotTold = Told;

const auto parts = testing::Values(usable, reserved);
std::string name(const testing::TestParamInfo<Part> &info)
{
	return info.param == usable ? "usable" : "reserved";
}
INSTANTIATE_TEST_SUITE_P(Gpu, Told, parts, name);
INSTANTIATE_TEST_SUITE_P(Gpu, NotTold, parts, name);

} // namespace

TEST_P(Told, WhoConsumesItIsToldTheExactAddress)
{
	const Mapping slice = gpu.map(part, 4 * page, size - 4 * page);

	EXPECT_TRUE(is(errors_of([&] { return !simulate_error(address(size - page) + 64); }),
		       BUS_MCEERR_AR, slice.data() + 3 * page));
}

TEST_P(Told, WhoAskedToKnowIsToldTheExactAddressAndNobodyElse)
{
	const Mapping slice = gpu.map(part, 4 * page, 2 * page);
	// This process, which maps it, has nothing to survive SIGBUS with.
	Witness asked(Witness::Wants::early), too(Witness::Wants::early),
		not_asked(Witness::Wants::nothing);

	simulate_errors_elsewhere({ address(3 * page) });
	EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, slice.data() + page));
	EXPECT_TRUE(is(too.seen(), BUS_MCEERR_AO, slice.data() + page));
	EXPECT_EQ(asked.end().count, 1);
	EXPECT_EQ(not_asked.end().count, 0);
}

TEST_P(Told, OnlyAMappingThatHoldsThePageCounts)
{
	const Mapping low = gpu.map(part, 4 * page, 8 * page),
		      high = gpu.map(part, 4 * page, 16 * page),
		      other = gpu.map(part == usable ? reserved : usable, 64 * page),
		      registers(gpu.device(), page,
				gpu.function().region(VFIO_PCI_BAR0_REGION_INDEX).offset);

	ASSERT_EQ(munmap(low.data() + page, page), 0);
	Witness asked(Witness::Wants::early);

	// Below both, in a gap, between both, above both: no address can be told, and a process of
	// which that is held to be an error gets SIGKILL.
	simulate_errors_elsewhere({ address(0), address(7 * page), address(9 * page),
				    address(12 * page), address(15 * page), address(20 * page),
				    address(size - page) });
	const struct {
		std::uint64_t number;
		const std::byte *place;
	} pages[] = {
		{ 8, low.data() },   { 10, low.data() + 2 * page },  { 11, low.data() + 3 * page },
		{ 16, high.data() }, { 19, high.data() + 3 * page },
	};
	int told = 0;
	for (const auto &failed : pages) {
		simulate_errors_elsewhere({ address(failed.number * page) });
		told++;
		EXPECT_TRUE(is(asked.seen(told), BUS_MCEERR_AO, failed.place, told))
			<< failed.number;
	}
	EXPECT_EQ(asked.end().count, told);
}

TEST_P(Told, NobodyIsOnceTheGpuIsClosed)
{
	{
		const Mapping slice = gpu.map(part, page);
		Witness asked(Witness::Wants::early);

		// The mapping keeps it open.
		gpu.close();
		simulate_errors_elsewhere({ address(0) });
		EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, slice.data()));
	}
	EXPECT_EQ(simulate_error(address(0)), EBUSY);
	gpu.open();
	EXPECT_EQ(simulate_error(address(0)), 0);
	EXPECT_EQ(simulate_error(gpu.address(usable) - 1), EBUSY);
	EXPECT_EQ(simulate_error(gpu.address(reserved) + gpu.size(reserved)), EBUSY);
}

TEST_P(NotTold, ASimulatedErrorHasNoEffect)
{
	const Mapping slice = gpu.map(part, page);
	Witness asked(Witness::Wants::early);

	EXPECT_EQ(errors_of([&] { return simulate_error(address(0)) == ENXIO; }).count, 0);
	EXPECT_EQ(asked.end().count, 0);
}
