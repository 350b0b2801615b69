# SPDX-License-Identifier: GPL-2.0-or-later
#
# The last hand at what is staged, run by cpack.

# What is staged was not installed: `uninstall` would take the package's files for its own.
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
	file(REMOVE ${EGM_BUILD_DIR}/install_manifest_${component}.txt)
endforeach()

if(CPACK_GENERATOR STREQUAL "DEB")
	# What Debian wants in a package beside the installed files.
	foreach(component IN LISTS CPACK_COMPONENTS_ALL)
		string(TOUPPER ${component} COMPONENT)
		set(name ${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME})
		set(share ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
		file(COPY ${CMAKE_CURRENT_LIST_DIR}/debian/copyright ${CMAKE_CURRENT_LIST_DIR}/../CHANGELOG.md
			DESTINATION ${share}/doc/${name})
		file(WRITE ${share}/doc/${name}/changelog
"${name} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * See CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${EGM_DATE}
")
		file(GLOB texts ${share}/man/man1/* ${share}/doc/${name}/changelog)
		execute_process(COMMAND gzip -9n ${texts} COMMAND_ERROR_IS_FATAL ANY)
	endforeach()
endif()

# Not as the checkout and this machine's umask have it.
execute_process(COMMAND chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
