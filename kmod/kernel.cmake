# SPDX-License-Identifier: GPL-2.0-only
#
# What modules.cmake and install.cmake share: which kernel (release, ARCH), where its modules are built
# (work), and the call of kbuild.

cmake_host_system_information(RESULT machine QUERY OS_PLATFORM)
if(NOT KERNEL_DIR)
	cmake_host_system_information(RESULT running QUERY OS_RELEASE)
	set(KERNEL_DIR /lib/modules/${running}/build)
endif()
if(NOT ARCH)
	# The names of kbuild's scripts/subarch.include, for the two architectures that we build for.
	string(REGEX REPLACE "^aarch64$" "arm64" ARCH "${machine}")
	string(REGEX REPLACE "^x86_64$" "x86" ARCH "${ARCH}")
endif()

set(release_file ${KERNEL_DIR}/include/config/kernel.release)
if(NOT EXISTS ${release_file})
	message(FATAL_ERROR "${KERNEL_DIR} is not the build tree of a configured kernel "
		"(it has no include/config/kernel.release).\n"
		"Install the headers of the running kernel, or name a tree: "
		"cmake -DKERNEL_DIR=DIRECTORY <build directory>")
endif()
file(STRINGS ${release_file} release LIMIT_COUNT 1)
set(work ${WORK_ROOT}/${release}-${ARCH})

function(kbuild)
	set(cross)
	if(CROSS_COMPILE)
		set(cross CROSS_COMPILE=${CROSS_COMPILE})
	endif()
	cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)

	# A make that called CMake has closed the descriptors of its job server by now.
	execute_process(
		COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL
			make -C ${KERNEL_DIR} M=${work} ARCH=${ARCH} ${cross} -j${jobs} ${KBUILD_ARGS} ${ARGN}
		RESULT_VARIABLE status)
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "kbuild failed for kernel ${release} (${ARCH}): ${status}")
	endif()
endfunction()
