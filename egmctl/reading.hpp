// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace egm {

/** Why a value is not known. */
enum class Why {
	not_exported, ///< the driver has no such file
	not_set,      ///< the driver has the file, and it says "unknown"
	not_asked,    ///< costs more than a file, and nobody asked for it
	gone,	      ///< the process that the file is about has ended
	permission,   ///< the file exists and we may not read it
	failed,	      ///< any other trouble; the detail names file and cause
};

/** The place of a value that is not known. */
struct Unknown {
	Why why = Why::not_exported;
	std::string detail; ///< "/sys/...: cause" for permission and failed, else empty
};

/**
 * A value, or the reason why there is none.
 *
 * There is no default value to fall back on by accident: a missing file never turns into a zero.
 */
template <class T>
class Reading {
public:
	Reading() = default;
	Reading(T value) : content_(std::move(value)) {}
	Reading(Unknown unknown) : content_(std::move(unknown)) {}

	/** True when the value is known. */
	explicit operator bool() const { return std::holds_alternative<T>(content_); }

	/** The value; throws std::bad_variant_access when it is not known. */
	const T &operator*() const { return std::get<T>(content_); }
	const T *operator->() const { return &std::get<T>(content_); }

	/** The reason; throws std::bad_variant_access when the value is known. */
	const Unknown &unknown() const { return std::get<Unknown>(content_); }

	/** Applies a function that returns a Reading to a known value, hands an unknown one on. */
	template <class F>
	auto then(F &&function) const -> decltype(function(std::declval<const T &>()))
	{
		if (!*this)
			return unknown();
		return function(**this);
	}

private:
	std::variant<Unknown, T> content_;
};

} // namespace egm
