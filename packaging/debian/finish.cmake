# SPDX-License-Identifier: GPL-2.0-or-later
#
# What Debian wants in a package beside the installed files: compressed manuals, a copyright and a
# changelog. cpack runs this when all is staged.

if(NOT CPACK_GENERATOR STREQUAL "DEB")
	return()
endif()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
	string(TOUPPER ${component} COMPONENT)
	set(name ${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME})
	set(stage ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
	file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright ${CMAKE_CURRENT_LIST_DIR}/../../CHANGELOG.md
		DESTINATION ${stage}/doc/${name})
	file(WRITE ${stage}/doc/${name}/changelog
"${name} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * See CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${EGM_DATE}
")
	file(GLOB texts ${stage}/man/man1/* ${stage}/doc/${name}/changelog)
	execute_process(COMMAND gzip -9n ${texts} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
