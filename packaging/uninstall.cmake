# SPDX-License-Identifier: GPL-2.0-or-later
#
# Deletes what `cmake --install` wrote down for each component, below DESTDIR, and the directories that
# are empty then.

file(GLOB manifests ${BUILD_DIR}/install_manifest*.txt)
if(NOT manifests)
	message(FATAL_ERROR "Nothing was installed from ${BUILD_DIR}")
endif()

set(releases)
foreach(manifest IN LISTS manifests)
	file(STRINGS ${manifest} paths)
	foreach(path IN LISTS paths)
		file(REMOVE $ENV{DESTDIR}${path})
		if(path MATCHES "^/lib/modules/([^/]+)/")
			list(APPEND releases ${CMAKE_MATCH_1})
		endif()
		set(status 0)
		while(status EQUAL 0)
			cmake_path(GET path PARENT_PATH path)
			# Those near the root are everybody's.
			if(NOT path MATCHES "egm|^/[^/]+/[^/]+/[^/]+/")
				break()
			endif()
			execute_process(COMMAND rmdir $ENV{DESTDIR}${path} RESULT_VARIABLE status ERROR_QUIET)
		endwhile()
	endforeach()
	file(REMOVE ${manifest})
endforeach()

list(REMOVE_DUPLICATES releases)
foreach(release IN LISTS releases)
	if("$ENV{DESTDIR}" STREQUAL "")
		execute_process(COMMAND depmod -a ${release} COMMAND_ERROR_IS_FATAL ANY)
	endif()
endforeach()
