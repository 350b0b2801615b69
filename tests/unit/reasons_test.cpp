// SPDX-License-Identifier: GPL-2.0-or-later
#include "reasons.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

using namespace egm;

TEST(Reasons, EveryWordOfTheDriverHasItsOwnMeaning)
{
	const std::string unknown(explain("no-such-word").meaning);
	std::set<std::string> meanings = { unknown };
	std::size_t words = 1;
	for (const auto *word :
	     { "none", "absent", "zero", "malformed", "pxm", "unaligned", "wraps", "width", "kdump",
	       "system-ram", "reserved", "pci", "gpu-memory", "region", "disagrees", "internal" }) {
		meanings.emplace(explain(word).meaning);
		EXPECT_EQ(meanings.size(), ++words) << word;
		EXPECT_EQ(explain(word).word, word);
	}
}

TEST(Reasons, EveryTroubleHasAdvice)
{
	EXPECT_TRUE(explain("none").advice.empty());
	for (const auto *word : { "absent", "zero", "malformed", "pxm", "unaligned", "wraps",
				  "width", "kdump", "system-ram", "reserved", "pci", "gpu-memory",
				  "region", "disagrees", "internal", "no-such-word" })
		EXPECT_FALSE(explain(word).advice.empty()) << word;
}
