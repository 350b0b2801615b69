# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the kernel modules beside the sources, not among them: links every source into
# WORK_ROOT/<kernel release>-<arch>/ and runs kbuild there. (kbuild's own MO= does the same, but only
# from 6.13 on.) So the source tree may be read-only, and two kernels can build at once.

cmake_minimum_required(VERSION 3.25)

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

file(GLOB_RECURSE sources RELATIVE ${SOURCE_DIR}
	${SOURCE_DIR}/include/*.h
	${SOURCE_DIR}/kmod/*.c ${SOURCE_DIR}/kmod/*.h ${SOURCE_DIR}/kmod/Kbuild*
	${SOURCE_DIR}/tests/kmod/*.c ${SOURCE_DIR}/tests/kmod/*.h ${SOURCE_DIR}/tests/kmod/Kbuild*)
# Left by a plain make in the source tree; kbuild would write through such a link.
list(FILTER sources EXCLUDE REGEX "\\.mod\\.c$")
list(APPEND sources Kbuild VERSION)

# A link whose source was deleted or renamed must go: kbuild would still find it, dangling or not.
file(GLOB_RECURSE present RELATIVE ${work} ${work}/*)
foreach(path IN LISTS present)
	if(IS_SYMLINK ${work}/${path} AND NOT path IN_LIST sources)
		file(REMOVE ${work}/${path})
	endif()
endforeach()

foreach(path IN LISTS sources)
	cmake_path(GET path PARENT_PATH directory)
	file(MAKE_DIRECTORY ${work}/${directory})
	file(CREATE_LINK ${SOURCE_DIR}/${path} ${work}/${path} SYMBOLIC)
endforeach()

set(cross)
if(CROSS_COMPILE)
	set(cross CROSS_COMPILE=${CROSS_COMPILE})
endif()
cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)

# A make that called CMake has closed the descriptors of its job server by now.
execute_process(
	COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL
		make -C ${KERNEL_DIR} M=${work} ARCH=${ARCH} ${cross} -j${jobs} ${KBUILD_ARGS} modules
	RESULT_VARIABLE status)
if(NOT status EQUAL 0)
	message(FATAL_ERROR "kbuild failed for kernel ${release} (${ARCH}): ${status}")
endif()
