# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what modules.cmake built, in front of the kernel's own modules of these names. kbuild strips,
# compresses and signs them as it does with the kernel's.

include(${CMAKE_CURRENT_LIST_DIR}/kernel.cmake)

if(NOT EXISTS ${work}/modules.order)
	message(FATAL_ERROR "There are no modules for ${release}: cmake --build <build directory> --target modules")
endif()
set(place lib/modules/${release}/updates/nvgrace-egm)
kbuild(modules_install INSTALL_MOD_PATH=$ENV{DESTDIR} INSTALL_MOD_DIR=updates/nvgrace-egm
	INSTALL_MOD_STRIP=1 DEPMOD=true)
if("$ENV{DESTDIR}" STREQUAL "")
	execute_process(COMMAND depmod -a ${release} COMMAND_ERROR_IS_FATAL ANY)
	# udev, which loads the second module when the first has a GPU, looks for new ones every few seconds only.
	if(EXISTS /run/udev/control)
		execute_process(COMMAND udevadm control --reload)
	endif()
endif()

file(GLOB_RECURSE modules RELATIVE "$ENV{DESTDIR}/" $ENV{DESTDIR}/${place}/*.ko*)
foreach(module IN LISTS modules)
	list(APPEND CMAKE_INSTALL_MANIFEST_FILES /${module})
	execute_process(COMMAND modinfo -F sig_id $ENV{DESTDIR}/${module}
		OUTPUT_VARIABLE signature COMMAND_ERROR_IS_FATAL ANY)
endforeach()
if(signature)
	message(STATUS "The modules of ${release} are signed.")
else()
	message(STATUS "The modules of ${release} are not signed: with Secure Boot the kernel refuses them.")
endif()
