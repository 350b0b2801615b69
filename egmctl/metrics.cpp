// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics.hpp"

#include "render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace egm {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string escaped(const std::string &text)
{
	std::string safe;
	for (const char c : text) {
		if (c == '\\' || c == '"')
			safe += '\\';
		if (c == '\n')
			safe += "\\n";
		else
			safe += c;
	}
	return safe;
}

/** One metric: its lines, and the words before them if there are any. */
class Metric {
public:
	Metric(std::string name, const char *kind, const char *help)
		: name_(std::move(name)),
		  head_(fmt::format("# HELP {} {}\n# TYPE {} {}\n", name_, help, name_, kind))
	{
	}

	void add(const Labels &labels, std::string value)
	{
		std::string inside;
		for (const auto &[label, text] : labels)
			inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", label,
					      escaped(text));
		lines_ += fmt::format("{}{} {}\n", name_,
				      inside.empty() ? "" : fmt::format("{{{}}}", inside), value);
	}

	void add(const Labels &labels, const Reading<std::uint64_t> &value)
	{
		if (value)
			add(labels, fmt::format("{}", *value));
	}

	std::string text() const { return lines_.empty() ? "" : head_ + lines_; }

private:
	std::string name_;
	std::string head_;
	std::string lines_;
};

template <class T>
std::string label(const Reading<T> &reading)
{
	return reading ? fmt::format("{}", *reading) : "";
}

std::string gpu_metrics(const Host &host)
{
	Metric info("egm_gpu_info", "gauge", "A GPU and what became of its EGM region.");
	for (const auto &gpu : host.gpus)
		info.add({ { "device", label(gpu.device) },
			   { "pci_bus_id", gpu.address },
			   { "gpu_driver", label(gpu.driver) },
			   { "status", label(gpu.status) },
			   { "reason", label(gpu.reason) } },
			 "1");
	return info.text();
}

std::string retired_metrics(const Measurements &measurements)
{
	Metric pages("egm_retired_pages", "gauge", "Pages that must not be used.");
	Metric bytes("egm_retired_bytes", "gauge", "Bytes in the pages that must not be used.");
	for (const auto &[device, reading] : measurements.retired) {
		if (!reading)
			continue;
		for (const auto *origin : { "firmware", "runtime" })
			pages.add({ { "device", device }, { "origin", origin } },
				  fmt::format("{}", std::ranges::count(*reading, origin,
								       &RetiredPage::origin)));
		std::uint64_t sum = 0;
		for (const auto &page : *reading)
			sum += page.size_bytes;
		bytes.add({ { "device", device } }, fmt::format("{}", sum));
	}
	return pages.text() + bytes.text();
}

std::string device_metrics(const Host &host)
{
	Metric info("egm_info", "gauge", "An EGM device.");
	Metric size("egm_size_bytes", "gauge", "Size of the memory.");
	Metric state("egm_state", "gauge", "1 for the state that the device is in.");
	Metric poison("egm_poison_events_total", "counter",
		      "Pages that failed since the driver of the GPUs was loaded.");
	Metric cleared("egm_last_clear_bytes", "gauge",
		       "Bytes that the clear under way, or else the last one, has cleared.");
	Metric time("egm_last_clear_duration_seconds", "gauge",
		    "Time that the clear under way, or else the last one, has taken.");
	for (const auto &device : host.devices) {
		const Labels labels = { { "device", device.name } };
		info.add({ { "device", device.name },
			   { "pxm", label(device.pxm) },
			   { "numa_node", label(device.numa_node) },
			   { "driver_version", label(host.egm_module.version) },
			   { "abi", label(device.abi_version) } },
			 "1");
		size.add(labels, device.size_bytes);
		for (const auto &word : states)
			if (device.state)
				state.add({ { "device", device.name }, { "state", word } },
					  *device.state == word ? "1" : "0");
		poison.add(labels, device.poison_count);
		cleared.add(labels, device.cleared_bytes);
		if (device.clear_time_ms)
			time.add(labels, fmt::format("{}.{:03}", *device.clear_time_ms / 1000,
						     *device.clear_time_ms % 1000));
	}
	return info.text() + size.text() + state.text() + poison.text() + cleared.text() +
	       time.text();
}

std::string check_metrics(const std::vector<Outcome> &outcomes)
{
	const auto summary = summarize(outcomes);
	Metric checks("egm_validate_checks", "gauge", "Outcomes of egmctl validate.");
	for (const auto &[word, count] :
	     { std::pair{ "pass", summary.pass }, std::pair{ "info", summary.info },
	       std::pair{ "warn", summary.warn }, std::pair{ "fail", summary.fail },
	       std::pair{ "skip", summary.skip } })
		checks.add({ { "status", word } }, fmt::format("{}", count));

	Metric worst("egm_check_failed", "gauge", "1 where a check of egmctl validate fails.");
	for (std::size_t i = 0; i < outcomes.size(); i++) {
		const auto *check = outcomes[i].check;
		if (i > 0 && outcomes[i - 1].check == check)
			continue;
		const bool fails = std::ranges::any_of(outcomes, [&](const Outcome &outcome) {
			return outcome.check == check && outcome.result.verdict == Verdict::fail;
		});
		worst.add({ { "check", std::string(check->id) } }, fails ? "1" : "0");
	}
	return checks.text() + worst.text();
}

} // namespace

std::string metrics_text(const Measurements &measurements)
{
	Metric devices("egm_devices", "gauge", "EGM devices of this host.");
	devices.add({}, fmt::format("{}", measurements.host.devices.size()));
	return devices.text() + device_metrics(measurements.host) + gpu_metrics(measurements.host) +
	       retired_metrics(measurements) +
	       (measurements.outcomes ? check_metrics(*measurements.outcomes) : "");
}

} // namespace egm
