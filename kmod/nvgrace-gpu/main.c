// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO driver of the GPUs of NVIDIA Grace hosts: the PCI driver
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/wait_bit.h>

#include "nvgrace_gpu.h"

/*
 * Devices that only this module's code can free: VFIO's and the regions'. Who
 * looks at one while it is removed drops it later, even after its driver.
 */
static atomic_t nvgrace_gpu_devices;

/**
 * nvgrace_gpu_device_made - there is one device more that is freed by this module
 */
void nvgrace_gpu_device_made(void)
{
	atomic_inc(&nvgrace_gpu_devices);
}

/**
 * nvgrace_gpu_device_freed - the last that a device's release does
 */
void nvgrace_gpu_device_freed(void)
{
	if (atomic_dec_and_test(&nvgrace_gpu_devices))
		wake_up_var(&nvgrace_gpu_devices);
}

static int nvgrace_gpu_probe(struct pci_dev *pdev,
			     const struct pci_device_id *id)
{
	const struct vfio_device_ops *ops = &nvgrace_gpu_core_vfio_ops;
	struct gpu_memory memory = {};
	struct nvgrace_gpu *gpu;
	int ret;

	if (gpu_memory_find(pdev, &memory))
		ops = &nvgrace_gpu_vfio_ops;
	gpu = vfio_alloc_device(nvgrace_gpu, core.vdev, &pdev->dev, ops);
	if (IS_ERR(gpu))
		return PTR_ERR(gpu);

	gpu->memory = memory;
	compat_vfio_pci_set_ops(&gpu->core, &gpu_dmabuf_ops);
	dev_set_drvdata(&pdev->dev, &gpu->core);

	/* Without memory there is nothing that an early access could break. */
	if (ops == &nvgrace_gpu_vfio_ops) {
		ret = gpu_ready_probe(gpu);
		if (ret)
			goto err_put;
	}

	/* EGM trouble never costs the GPU its VFIO driver: no error to return. */
	egm_dev_join(gpu);

	ret = vfio_pci_core_register_device(&gpu->core);
	if (ret)
		goto err_leave;

	return 0;

err_leave:
	egm_dev_leave(gpu);
err_put:
	vfio_put_device(&gpu->core.vdev);
	return ret;
}

static void nvgrace_gpu_remove(struct pci_dev *pdev)
{
	struct nvgrace_gpu *gpu = pci_to_nvgrace_gpu(pdev);

	/* Waits for the last user of the GPU, who may use the memory too. */
	vfio_pci_core_unregister_device(&gpu->core);
	egm_dev_leave(gpu);
	vfio_put_device(&gpu->core.vdev);
}

/* Whoever resets the GPU: VFIO, the administrator, or the guest through config space */
static void nvgrace_gpu_reset_done(struct pci_dev *pdev)
{
	struct nvgrace_gpu *gpu = pci_to_nvgrace_gpu(pdev);

	gpu_bars_reset(&gpu->memory);
	gpu_ready_reset(gpu);
}

/* Some errors are recovered from by a reset of the bus, which nothing else tells of. */
static void nvgrace_gpu_resume(struct pci_dev *pdev)
{
	gpu_ready_reset(pci_to_nvgrace_gpu(pdev));
}

static const struct pci_error_handlers nvgrace_gpu_err_handlers = {
	.error_detected = vfio_pci_core_aer_err_detected,
	.reset_done = nvgrace_gpu_reset_done,
	.resume = nvgrace_gpu_resume,
};

static const struct pci_device_id nvgrace_gpu_ids[] = {
	/* GH200 120GB */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2342) },
	/* GH200 480GB */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2345) },
	/* GH200 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2348) },
	/* GB200 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x2941) },
	/* GB300 */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x31c2) },
	{}
};
MODULE_DEVICE_TABLE(pci, nvgrace_gpu_ids);

static struct pci_driver nvgrace_gpu_driver = {
	.name = KBUILD_MODNAME,
	.id_table = nvgrace_gpu_ids,
	.probe = nvgrace_gpu_probe,
	.remove = nvgrace_gpu_remove,
	.err_handler = &nvgrace_gpu_err_handlers,
	.dev_groups = nvgrace_gpu_groups,
	.driver_managed_dma = true,
};

static int __init nvgrace_gpu_init(void)
{
	int ret;

	ret = egm_dev_init();
	if (ret)
		return ret;

	ret = pci_register_driver(&nvgrace_gpu_driver);
	if (ret)
		goto err_egm_dev;

	return 0;

err_egm_dev:
	egm_dev_exit();
	return ret;
}
module_init(nvgrace_gpu_init);

static void __exit nvgrace_gpu_exit(void)
{
	pci_unregister_driver(&nvgrace_gpu_driver);
	egm_dev_exit();
	wait_var_event(&nvgrace_gpu_devices, !atomic_read(&nvgrace_gpu_devices));
	/* Whoever freed the last may have been preempted on its way out of here. */
	synchronize_rcu_tasks();
}
module_exit(nvgrace_gpu_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(EGM_VERSION);
MODULE_DESCRIPTION("VFIO driver of the GPUs of NVIDIA Grace hosts, with Extended GPU Memory");
