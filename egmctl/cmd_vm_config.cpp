// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "error.hpp"
#include "host.hpp"
#include "json.hpp"
#include "output.hpp"
#include "select.hpp"
#include "survey.hpp"
#include "vm_config.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace egm {

namespace {

struct VmOptions {
	std::vector<std::string> selectors;
	std::string format = "qemu";
	std::string part = "all";
	std::string qemu;
	VmRequest request;
};

// One option and its value a line.
std::string argument_lines(const std::vector<std::string> &arguments)
{
	std::string text;
	for (std::size_t i = 0; i + 1 < arguments.size(); i += 2)
		text += fmt::format("{} {}\n", arguments[i], arguments[i + 1]);
	return text;
}

void say_notes(const VmPlan &plan, const VmOptions &own)
{
	for (const auto &memory : plan.memory)
		if (!memory.align_bytes)
			write_message(fmt::format("{}: this driver does not tell the largest "
						  "mapping, so there is no align=",
						  memory.device),
				      "");
	if (!plan.gpus.empty() && own.format == "libvirt-qemu")
		write_message("libvirt without model='egm' leaves no room for acpi-egm-memory: the "
			      "guest's GPU driver is not told which memory is EGM",
			      "");
	else if (!plan.gpus.empty() && !plan.egm_objects && own.format != "libvirt")
		write_message(
			"QEMU has no acpi-egm-memory, or is not known: the guest's GPU driver "
			"is not told which memory is EGM",
			"--qemu names another QEMU");
}

void run_vm_config(const Options &options, const VmOptions &own)
{
	options.refuse_columns();
	const Tree tree(options.sysroot);
	const Host host = select_devices(read_host(tree), own.selectors);
	const auto findings = diagnose(host);
	const bool setup = own.part == "host-setup";
	const bool memory = own.part == "all" || own.part == "memory";
	const bool gpus = own.part == "all" || own.part == "gpu";

	if (own.request.cpus && own.format != "qemu")
		throw Error(Exit::usage, "usage", "--cpus is for --format qemu",
			    "libvirt's domain has its own <vcpu> and <numa>");
	auto request = own.request;
	request.numa = own.format != "libvirt-qemu";
	const auto plan = plan_vm(host, survey_qemu(tree, own.qemu), request);
	std::vector<std::string> arguments;
	std::vector<SetupStep> steps;
	std::string text;
	if (setup) {
		// Before the first GPU is bound there is no device that could name it.
		std::vector<std::string> addresses;
		if (own.selectors.empty())
			for (const auto &gpu : nvidia_gpus(tree))
				addresses.push_back(gpu.address);
		steps = host_setup(host, addresses);
		text = setup_text(steps);
	} else if (own.format == "qemu") {
		if (memory)
			arguments = qemu_memory(plan);
		if (gpus) {
			const auto more = qemu_gpus(plan);
			arguments.insert(arguments.end(), more.begin(), more.end());
		}
		text = argument_lines(arguments);
	} else if (!host.devices.empty()) {
		text = own.format == "libvirt" ? libvirt_native(plan, memory, gpus)
					       : libvirt_qemu(plan, memory, gpus);
	}
	write_output(options.json ? vm_config_json(host, plan, { own.format, own.part }, arguments,
						   text, steps, findings)
				  : text);
	if (options.quiet)
		return;
	write_warnings(findings, options.verbose);
	if (!setup)
		say_notes(plan, own);
}

} // namespace

void setup_vm_config(CLI::App &app, Program &program)
{
	auto *command = app.add_subcommand("vm-config",
					   "Print what a VM needs to have the memory and the GPUs");
	const auto own = std::make_shared<VmOptions>();
	add_selectors(*command, own->selectors);
	command->add_option("--format", own->format, "qemu, libvirt or libvirt-qemu")
		->option_text("FORMAT")
		->check(CLI::IsMember({ "qemu", "libvirt", "libvirt-qemu" }));
	command->add_option("--part", own->part, "all, memory, gpu or host-setup")
		->option_text("PART")
		->check(CLI::IsMember({ "all", "memory", "gpu", "host-setup" }));
	command->add_option("--gpus", own->request.gpus, "Only these GPUs of the devices")
		->option_text("BDF,...")
		->delimiter(',')
		->allow_extra_args(false);
	command->add_flag("--partial", own->request.partial,
			  "Fewer GPUs than a device has are meant");
	command->add_option("--cpus", own->request.cpus,
			    "Spread so many CPUs over the guest's nodes")
		->option_text("N");
	command->add_option("--qemu", own->qemu, "The QEMU to ask what it can do")
		->option_text("PROGRAM");
	finish_help(*command,
		    "A line of --format qemu is one option with its value:\n"
		    "  qemu-system-aarch64 ... $(egmctl vm-config egm4)\n"
		    "libvirt needs model='egm'; libvirt-qemu goes through qemu:commandline.\n");
	command->callback([&program, own] { run_vm_config(program.options, *own); });
}

} // namespace egm
