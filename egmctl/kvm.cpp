// SPDX-License-Identifier: GPL-2.0-or-later
#include "kvm.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace egm {

namespace {

// KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED, which older headers do not have.
constexpr unsigned long cacheable_pfnmap = 243;

Unknown failure(int error)
{
	return { error == EACCES || error == EPERM ? Why::permission : Why::failed,
		 fmt::format("/dev/kvm: {}", std::strerror(error)) };
}

} // namespace

Reading<bool> kvm_maps_cacheable()
{
	const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return failure(errno);
	const int machine = ioctl(kvm, KVM_CREATE_VM, 0UL);
	const int error = errno;
	close(kvm);
	if (machine < 0)
		return failure(error);
	const int answer = ioctl(machine, KVM_CHECK_EXTENSION, cacheable_pfnmap);
	close(machine);
	return answer > 0;
}

} // namespace egm
