# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the programs and suites of this directory are declared.

add_custom_target(e2e)
if(CMAKE_CROSSCOMPILING)
	find_package(GTest REQUIRED)
endif()
egm_testbed_fixture(root-host)
egm_testbed_fixture(busybox)

# egm_vm_program(NAME [GUEST] SOURCES <file>... [LIBRARIES <target>...])
#
# A program for the host under test, in the PATH of its suites. GUEST: for KVM guests, which have no
# libraries.
function(egm_vm_program name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "GUEST" "" "SOURCES;LIBRARIES")
	if(NOT CMAKE_CROSSCOMPILING)
		return()
	endif()
	add_executable(e2e-${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
	set_target_properties(e2e-${name} PROPERTIES
		OUTPUT_NAME ${name}
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/payload/bin)
	target_include_directories(e2e-${name} PRIVATE support)
	target_link_libraries(e2e-${name} PRIVATE egm_warnings egm_uapi ${arg_LIBRARIES})
	if(arg_GUEST)
		set_target_properties(e2e-${name} PROPERTIES
			RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/guest)
		target_link_options(e2e-${name} PRIVATE -static)
	endif()
	add_dependencies(e2e e2e-${name})
endfunction()

# egm_vm_suite(NAME HOST <description> KERNELS <kernel>... [ALL_KERNELS <kernel>...] [TIMEOUT <seconds>]
#              [FAILS_WITH <regex>] [SOAK <argument>...])
#
# Registers vm/NAME:<kernel> for every kernel; on those of ALL_KERNELS, `tests/run --all` alone runs it.
# TIMEOUT is ten times what the suite usually takes, from power-on. FAILS_WITH: a planted fault, which the
# harness must find; part of its last line. SOAK: arguments with which it takes up to an hour, and tries more:
# soak/NAME:<kernel>, which `tests/run soak` alone runs.
function(egm_vm_suite name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "HOST;TIMEOUT;FAILS_WITH" "KERNELS;ALL_KERNELS;SOAK")
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 300)
	endif()
	# ctest's own limit only catches a harness that hangs: it has the build of the payload in it, and the
	# wait for those that have the machine's memory.
	math(EXPR limit "${arg_TIMEOUT} + 3600")
	foreach(kernel IN LISTS arg_KERNELS arg_ALL_KERNELS)
		set(test vm/${name}:${kernel})
		set(only)
		if(kernel IN_LIST arg_ALL_KERNELS)
			set(only CONFIGURATIONS all)
		endif()
		set(command ${PROJECT_SOURCE_DIR}/tests/vm/run --build ${PROJECT_BINARY_DIR}/vm
			--kernel ${kernel} --host ${arg_HOST})
		set(fixtures root-build root-host busybox kernel-${kernel})
		add_test(NAME ${test} ${only} COMMAND ${command} --timeout ${arg_TIMEOUT} ${name})
		set_tests_properties(${test} PROPERTIES
			LABELS "vm;vm/${name}"
			# First: they take longest.
			COST ${arg_TIMEOUT}
			FIXTURES_REQUIRED "${fixtures}"
			SKIP_RETURN_CODE 77
			TIMEOUT ${limit})
		if(arg_SOAK)
			add_test(NAME soak/${name}:${kernel} CONFIGURATIONS soak
				COMMAND ${command} --timeout 36000 ${name} -- ${arg_SOAK})
			set_tests_properties(soak/${name}:${kernel} PROPERTIES
				LABELS soak FIXTURES_REQUIRED "${fixtures}" TIMEOUT 40000)
		endif()
		if(arg_FAILS_WITH)
			set_tests_properties(${test} PROPERTIES
				PASS_REGULAR_EXPRESSION "\nvm/run: [^\n]*${arg_FAILS_WITH}")
		endif()
	endforeach()
endfunction()
