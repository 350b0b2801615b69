# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the kernel modules beside the sources, not among them: links every source into
# WORK_ROOT/<kernel release>-<arch>/ and runs kbuild there. (kbuild's own MO= does the same, but only
# from 6.13 on.) So the source tree may be read-only, and two kernels can build at once.

cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/kernel.cmake)

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

kbuild(modules)
