// SPDX-License-Identifier: GPL-2.0-or-later
//
// The arithmetic of kmod/nvgrace-gpu, as C++ sees it
#pragma once

extern "C" {
#include "gpu_memory.h"
}
