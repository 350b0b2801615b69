// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "reading.hpp"

namespace egm {

/**
 * Asks the running kernel's KVM whether it maps memory without struct pages as cacheable for
 * guests. Only a virtual machine can be asked, so one is made, which has neither memory nor CPUs.
 */
Reading<bool> kvm_maps_cacheable();

} // namespace egm
