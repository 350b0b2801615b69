// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a GPU's memory can be touched: after power-on and each reset the GPU
 * trains it first, and an access before that is an error of the hardware
 */
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>

#include "nvgrace_gpu.h"

/* In BAR 0: the state of the link to the CPU and of the memory itself */
#define GPU_READY_LINK		0x1498
#define GPU_READY_TRAINING	0x200bc
#define GPU_READY_BAR0_SIZE	0x200c0
#define GPU_READY_DONE		0xff
#define GPU_READY_SECONDS	30

/* Config space of a CXL device: the capability and a register in it */
#define GPU_READY_CXL_DEVICE	0
#define GPU_READY_CXL_SIZE_LOW	0x1c

/* Between two looks; most GPUs are ready at the first one. */
#define GPU_READY_PERIOD	(HZ / 10)

/**
 * gpu_ready_cxl_dvsec - find out whether a GPU is a CXL device
 * @pdev: the GPU
 *
 * Return: where the CXL capability is in config space, 0: there is none.
 */
u16 gpu_ready_cxl_dvsec(struct pci_dev *pdev)
{
	return pci_find_dvsec_capability(pdev, PCI_VENDOR_ID_CXL,
					 GPU_READY_CXL_DEVICE);
}

/*
 * Look once. Returns 0, -EAGAIN if the GPU may become ready within @seconds of the
 * first look, -ENODEV if it does not answer.
 */
static int gpu_ready_look(struct nvgrace_gpu *gpu, unsigned int *seconds)
{
	u32 size_low = ~0U;

	if (gpu->cxl_dvsec) {
		pci_read_config_dword(gpu->core.pdev,
				      gpu->cxl_dvsec + GPU_READY_CXL_SIZE_LOW,
				      &size_low);
		*seconds = gpu_cxl_limit(size_low);
		return gpu_cxl_active(size_low);
	}

	*seconds = GPU_READY_SECONDS;
	if (ioread32(gpu->bar0 + GPU_READY_LINK) == GPU_READY_DONE &&
	    ioread32(gpu->bar0 + GPU_READY_TRAINING) == GPU_READY_DONE)
		return 0;
	return -EAGAIN;
}

static int gpu_ready_pause(struct nvgrace_gpu *gpu, unsigned long start,
			   unsigned int seconds)
{
	if (time_after(jiffies, start + seconds * HZ)) {
		dev_err_ratelimited(&gpu->core.pdev->dev,
				    "GPU memory is not ready after %u s\n",
				    seconds);
		return -ETIME;
	}
	schedule_timeout_killable(GPU_READY_PERIOD);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int gpu_ready_wait(struct nvgrace_gpu *gpu)
{
	unsigned long start = jiffies;
	unsigned int seconds;
	int ret;

	do {
		ret = gpu_ready_look(gpu, &seconds);
		if (ret != -EAGAIN)
			return ret;
		ret = gpu_ready_pause(gpu, start, seconds);
	} while (!ret);
	return ret;
}

/**
 * gpu_ready_probe - wait until a GPU is ready for the first time
 * @gpu: the GPU, with memory, not yet registered with VFIO
 *
 * Return: 0, -ETIME, -EINTR if the caller is killed, -ENODEV if the GPU does not
 * answer or has no such registers, or another negative errno.
 */
int gpu_ready_probe(struct nvgrace_gpu *gpu)
{
	struct pci_dev *pdev = gpu->core.pdev;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;

	gpu->cxl_dvsec = gpu_ready_cxl_dvsec(pdev);
	if (gpu->cxl_dvsec) {
		ret = gpu_ready_wait(gpu);
		goto out_disable;
	}

	if (!(pci_resource_flags(pdev, 0) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, 0) < GPU_READY_BAR0_SIZE) {
		pci_err(pdev, "BAR 0 is too small to say whether GPU memory is ready\n");
		ret = -ENODEV;
		goto out_disable;
	}
	ret = pci_request_selected_regions(pdev, BIT(0), KBUILD_MODNAME);
	if (ret)
		goto out_disable;
	gpu->bar0 = pci_iomap(pdev, 0, GPU_READY_BAR0_SIZE);
	if (gpu->bar0) {
		ret = gpu_ready_wait(gpu);
		pci_iounmap(pdev, gpu->bar0);
	} else {
		ret = -ENOMEM;
	}
	pci_release_selected_regions(pdev, BIT(0));
out_disable:
	pci_disable_device(pdev);
	return ret;
}

/**
 * gpu_ready_reset - note that a GPU has been reset, or something like it
 * @gpu: the GPU
 *
 * Context: resets come with memory_lock held for writing, or without it.
 */
void gpu_ready_reset(struct nvgrace_gpu *gpu)
{
	atomic_inc(&gpu->resets);
}

/**
 * gpu_ready_open - prepare for gpu_ready_lock()
 * @gpu: the GPU, with memory, enabled for VFIO
 *
 * Return: 0 or a negative errno.
 */
int gpu_ready_open(struct nvgrace_gpu *gpu)
{
	/* It slept while nobody had it, and not every GPU is reset when it is opened. */
	gpu_ready_reset(gpu);
	if (gpu->cxl_dvsec)
		return 0;

	gpu->bar0 = vfio_pci_core_get_iomap(&gpu->core, 0);
	return PTR_ERR_OR_ZERO(gpu->bar0);
}

static int gpu_ready_check(struct nvgrace_gpu *gpu, bool awake, int resets,
			   unsigned int *seconds)
{
	int ret;

	lockdep_assert_held_read(&gpu->core.memory_lock);

	if (!__vfio_pci_memory_enabled(&gpu->core) ||
	    (!awake && gpu->core.pm_runtime_engaged))
		return -EIO;
	if (resets == READ_ONCE(gpu->ready_resets))
		return 0;

	ret = gpu_ready_look(gpu, seconds);
	/*
	 * Of this reset only: another one may have followed meanwhile. Not of a GPU that
	 * sleeps again as soon as its caller lets it.
	 */
	if (!ret && !gpu->core.pm_runtime_engaged)
		WRITE_ONCE(gpu->ready_resets, resets);
	return ret;
}

/**
 * gpu_ready_lock - get hold of a GPU's memory
 * @gpu: the GPU, with memory, open
 * @awake: the caller keeps the GPU from being suspended
 *
 * After a reset this waits until the GPU is ready again, without the lock: what
 * wants to reset it once more need not wait as long.
 *
 * Context: may sleep for long.
 * Return: 0: memory_lock is held for reading, and the memory can be touched until
 * it is released. -EIO: memory is off, or the GPU is suspended. -ETIME, -EINTR or
 * -ENODEV: the GPU is not ready.
 */
int gpu_ready_lock(struct nvgrace_gpu *gpu, bool awake)
{
	int resets = atomic_read(&gpu->resets);
	unsigned long start = jiffies;
	unsigned int seconds;
	int latest, ret;

	do {
		down_read(&gpu->core.memory_lock);
		latest = atomic_read(&gpu->resets);
		/* A reset gives the GPU its time anew. */
		if (latest != resets) {
			resets = latest;
			start = jiffies;
		}
		ret = gpu_ready_check(gpu, awake, resets, &seconds);
		if (!ret)
			return 0;
		up_read(&gpu->core.memory_lock);

		if (ret == -EAGAIN)
			ret = gpu_ready_pause(gpu, start, seconds);
	} while (!ret);
	return ret;
}
