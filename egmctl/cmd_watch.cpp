// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "events.hpp"
#include "host.hpp"
#include "json.hpp"
#include "nearest.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "select.hpp"
#include "sysfs_reader.hpp"
#include "uevents.hpp"

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

namespace egm {

namespace {

using Clock = std::chrono::steady_clock;

// Not every driver sends uevents, and none for a change of state.
constexpr std::chrono::milliseconds interval{ 500 };

constexpr const char *state_prefix = "state=";

struct WatchOptions {
	std::vector<std::string> selectors;
	std::string until;
	unsigned int timeout = 0;
};

std::string now()
{
	return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

/** A run of `watch`. */
class Watch {
public:
	Watch(const Options &options, const WatchOptions &own)
		: json_(options.json), own_(own), tree_(options.sysroot), uevents_(tree_.live()),
		  look_(look()), selected_(select_devices(look_.host, own_.selectors))
	{
	}

	int run();

private:
	Look look() const;
	bool say_snapshot() const;
	bool say(const Event &event) const;
	bool ends(const Event &event) const;
	std::vector<Event> next_events(std::chrono::milliseconds limit);

	bool json_;
	const WatchOptions &own_;
	Tree tree_;
	Uevents uevents_; ///< listens before the first look, so that nothing is lost between
	Look look_;
	Host selected_; ///< of that look
};

Look Watch::look() const
{
	Look look{ read_host(tree_), {} };
	for (const auto &device : look.host.devices) {
		const auto pages = SysfsReader(tree_, "/sys/class/egm/" + device.name)
					   .retired_pages("retired_pages");
		if (pages)
			look.retired[device.name] = *pages;
	}
	return look;
}

bool Watch::say_snapshot() const
{
	if (json_)
		return write_output(snapshot_json(now(), selected_));
	std::string lines;
	for (const auto &device : selected_.devices)
		lines += event_line(
			now(),
			{ "present", device.name, device.state ? *device.state : "", {}, {} });
	return write_output(lines);
}

bool Watch::say(const Event &event) const
{
	return write_output(json_ ? event_json(now(), event) : event_line(now(), event));
}

bool Watch::ends(const Event &event) const
{
	return event.kind == own_.until ||
	       (!event.state.empty() && state_prefix + event.state == own_.until);
}

std::vector<Event> Watch::next_events(std::chrono::milliseconds limit)
{
	std::vector<Event> events;
	const auto heard = uevents_.wait(limit);
	Look next = look();
	for (const auto &uevent : heard) {
		auto event = poison_event(uevent.device, uevent.properties);
		const auto pages = look_.retired.find(uevent.device);
		if (!event || !event->page || pages == look_.retired.end())
			continue;
		// Said here, so not again when it is seen in the list, now or later.
		pages->second.push_back(*event->page);
		events.push_back(std::move(*event));
	}
	for (auto &event : events_between(look_, next))
		events.push_back(std::move(event));
	for (const auto &[device, pages] : look_.retired)
		if (next.retired.contains(device))
			for (const auto &page : pages)
				if (std::ranges::find(next.retired[device], page) ==
				    next.retired[device].end())
					next.retired[device].push_back(page);
	// A device that a filter matches no longer has just said why: its GPU left.
	Host selected = select_devices(next.host, own_.selectors, Missing::allowed);
	std::erase_if(events, [&](const Event &event) {
		return !find_device(selected_, event.device) &&
		       !find_device(selected, event.device);
	});
	look_ = std::move(next);
	selected_ = std::move(selected);
	return events;
}

int Watch::run()
{
	const auto end = Clock::now() + std::chrono::seconds(own_.timeout);
	if (!say_snapshot())
		return 0;
	for (const auto &device : selected_.devices)
		if (device.state && state_prefix + *device.state == own_.until)
			return 0;
	for (;;) {
		const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
		if (own_.timeout > 0 && left.count() <= 0)
			return static_cast<int>(Exit::failed);
		for (const auto &event :
		     next_events(own_.timeout > 0 ? std::min(interval, left) : interval)) {
			if (!say(event) || ends(event))
				return 0;
		}
	}
}

std::string check_until(const std::string &word)
{
	auto words = event_kinds;
	for (const auto &state : states)
		words.push_back(state_prefix + state);
	if (std::ranges::find(words, word) != words.end())
		return {};
	return fmt::format("{}: no event; the nearest is {}", printable(word),
			   nearest(word, words));
}

} // namespace

void setup_watch(CLI::App &app, Program &program)
{
	auto *command =
		app.add_subcommand("watch", "Say what happens to EGM devices, as it happens");
	const auto own = std::make_shared<WatchOptions>();
	add_selectors(*command, own->selectors);
	command->add_option("--until", own->until,
			    "End at this event: added, removed, state, poison, gpu-added, "
			    "gpu-removed, or state=WORD")
		->option_text("EVENT")
		->check(check_until);
	command->add_option("--timeout", own->timeout, "End after so many seconds, with status 1")
		->option_text("SECONDS");
	finish_help(*command,
		    "What is there is said first. With --json, each line is an object.\n");
	command->callback([&program, own] {
		program.options.refuse_columns();
		program.status = Watch(program.options, *own).run();
	});
}

} // namespace egm
