// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "driver.hpp"
#include "region.hpp"
#include "wait.hpp"

namespace e2e {

/// What the tests of clearing begin with: a loaded driver and nobody about.
class Clearing : public testing::Test {
protected:
	void SetUp() override { ASSERT_EQ(region.state(), "idle"); }
	void TearDown() override { EXPECT_EQ(region.state(), "idle") << "somebody has it still"; }

	Region region = regions().front();

	/// Bytes that a clear overwrites.
	static std::uint64_t usable(const Region &of)
	{
		return of.size - of.retired.size() * granule;
	}
	static std::uint64_t number(const Region &of, const std::string &attribute)
	{
		return std::stoull(of.attribute(attribute));
	}

	/// Somebody has had it, and left a mark in every word.
	static void dirty(const Region &of) { fill(Mapping(of.own(), of.size)); }

	/// Zero to the last byte, but for the retired granules, in which what dirty() left is.
	static testing::AssertionResult as_new(const Region &of, const UniqueFd &owner)
	{
		testing::AssertionResult result = cleared(of, Mapping(owner, of.size));

		for (std::uint64_t offset : of.retired) {
			if (result)
				result = filled(Mapping(owner, granule, offset), offset);
		}
		return result;
	}

	/// For a process of its own: the owner looks at every byte, and leaves. 0 if all is well.
	static int look(const Region &of, UniqueFd owner)
	{
		const testing::AssertionResult result = as_new(of, owner);

		if (!result)
			std::fprintf(stderr, "%s: %s\n", of.name().c_str(), result.message());
		return result ? 0 : 200;
	}
	static int open_and_look(const Region &of)
	{
		UniqueFd owner = of.open(O_RDWR);

		return owner ? look(of, std::move(owner)) : errno;
	}

	/// Until a clear has begun to overwrite, and has not ended.
	static testing::AssertionResult in_the_midst(const Region &of)
	{
		bool midst = false;

		wait_until([&] {
			const std::uint64_t bytes = number(of, "cleared_bytes");
			const std::string state = of.state();

			midst = state == "clearing" && bytes && bytes < usable(of);
			return midst || state == "in-use";
		});
		if (!midst)
			return testing::AssertionFailure() << "not seen while it is cleared";
		return testing::AssertionSuccess();
	}
};

} // namespace e2e
