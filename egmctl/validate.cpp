// SPDX-License-Identifier: GPL-2.0-or-later
#include "validate.hpp"

#include "error.hpp"
#include "nearest.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace egm {

namespace {

bool is_named(const Check &check, const std::string &name)
{
	return check.id == name || check.group() == name;
}

void refuse_unknown(const std::vector<std::string> &names)
{
	for (const auto &name : names) {
		if (std::ranges::any_of(all_checks(),
					[&](const Check &check) { return is_named(check, name); }))
			continue;
		std::vector<std::string> ids;
		for (const auto &check : all_checks())
			ids.emplace_back(check.id);
		throw Error(Exit::usage, "usage", fmt::format("unknown check: {}", printable(name)),
			    fmt::format("the nearest is {}; `egmctl validate --list-checks` names "
					"all",
					nearest(name, ids)));
	}
}

std::string shown(Verdict verdict, bool colour)
{
	const auto paint = [&](const char *code, const char *word) {
		return colour ? fmt::format("\033[{}m{}\033[0m", code, word) : std::string(word);
	};
	switch (verdict) {
	case Verdict::pass:
		return paint("32", "PASS");
	case Verdict::info:
		return paint("36", "INFO");
	case Verdict::warn:
		return paint("33", "WARN");
	case Verdict::fail:
		return paint("31", "FAIL");
	case Verdict::skip:
		return "SKIP";
	}
	throw Error(Exit::internal, "internal_error", "a verdict without a word");
}

bool has_any(const Check &check, const std::vector<std::string> &names)
{
	return std::ranges::any_of(names,
				   [&](const std::string &name) { return is_named(check, name); });
}

} // namespace

std::vector<const Check *> choose_checks(const std::vector<std::string> &wanted,
					 const std::vector<std::string> &skipped)
{
	refuse_unknown(wanted);
	refuse_unknown(skipped);
	std::vector<const Check *> checks;
	for (const auto &check : all_checks())
		if ((wanted.empty() || has_any(check, wanted)) && !has_any(check, skipped))
			checks.push_back(&check);
	return checks;
}

std::vector<Outcome> run_checks(const std::vector<const Check *> &checks, const Subject &subject)
{
	// The check that explains why a check fails or would: itself, or one that came before it.
	std::map<std::string_view, std::string_view> causes;
	std::vector<Outcome> outcomes;
	for (const auto *check : checks) {
		const auto cause = std::ranges::find_if(
			check->after, [&](std::string_view id) { return causes.contains(id); });
		if (cause != check->after.end()) {
			const auto root = causes.at(*cause);
			causes[check->id] = root;
			outcomes.push_back({ check, skip(fmt::format("because of {}", root)) });
			continue;
		}
		for (auto &result : check->run(subject)) {
			if (result.verdict == Verdict::fail)
				causes[check->id] = check->id;
			outcomes.push_back({ check, std::move(result) });
		}
	}
	return outcomes;
}

Summary summarize(const std::vector<Outcome> &outcomes)
{
	const auto count = [&](Verdict verdict) {
		return static_cast<std::size_t>(
			std::ranges::count(outcomes, verdict, [](const Outcome &outcome) {
				return outcome.result.verdict;
			}));
	};
	return { count(Verdict::pass), count(Verdict::info), count(Verdict::warn),
		 count(Verdict::fail), count(Verdict::skip) };
}

bool failed(const Summary &summary, bool strict)
{
	return summary.fail > 0 || (strict && summary.warn > 0);
}

const char *verdict_word(Verdict verdict)
{
	switch (verdict) {
	case Verdict::pass:
		return "pass";
	case Verdict::info:
		return "info";
	case Verdict::warn:
		return "warn";
	case Verdict::fail:
		return "fail";
	case Verdict::skip:
		return "skip";
	}
	throw Error(Exit::internal, "internal_error", "a verdict without a word");
}

std::string validate_text(const std::vector<Outcome> &outcomes, const ValidateStyle &style)
{
	std::string text;
	for (const auto &[check, result] : outcomes) {
		const bool bad = result.verdict == Verdict::warn || result.verdict == Verdict::fail;
		if (style.quiet && !bad)
			continue;
		const auto about = result.about.empty() ? "" : result.about + ": ";
		text += fmt::format(" {:<8}Checking {:<48}: {} ({}{})\n", check->group(),
				    check->title, shown(result.verdict, style.colour), about,
				    result.message);
		if (!result.fix.empty())
			text += fmt::format("         fix: {}\n", result.fix);
		if (style.verbose)
			for (const auto &[name, value] : result.evidence)
				text += fmt::format("         {}: {}\n", name, value);
	}
	if (style.quiet)
		return text;
	const auto summary = summarize(outcomes);
	return text + fmt::format(" Summary: {} pass, {} info, {} warn, {} fail, {} skipped\n",
				  summary.pass, summary.info, summary.warn, summary.fail,
				  summary.skip);
}

std::pair<std::string, int> nagios_line(const std::vector<Outcome> &outcomes, bool strict)
{
	const auto summary = summarize(outcomes);
	const auto worst = summary.fail ? Verdict::fail : Verdict::warn;
	std::vector<std::string> ids;
	for (const auto &outcome : outcomes)
		if (outcome.result.verdict == worst)
			ids.emplace_back(outcome.check->id);
	const auto last = std::ranges::unique(ids);
	ids.erase(last.begin(), last.end());

	const bool known = summary.pass + summary.info + summary.warn + summary.fail > 0;
	const int status = failed(summary, strict) ? 2 : summary.warn ? 1 : known ? 0 : 3;
	constexpr const char *words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	return { fmt::format("EGM {} - {} | pass={} info={} warn={} fail={} skip={}\n",
			     words[status],
			     ids.empty() ? fmt::format("{} checks passed", summary.pass)
					 : fmt::format("{}", fmt::join(ids, ", ")),
			     summary.pass, summary.info, summary.warn, summary.fail, summary.skip),
		 status };
}

} // namespace egm
