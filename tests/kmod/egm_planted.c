// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of a kernel module, one for each load: what the kernel's checks must
 * find, and the harness must notice
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "leak, overrun, shift, locks or race");

/* Nothing the compiler could know of */
static int amount = 64;
module_param(amount, int, 0444);
MODULE_PARM_DESC(amount, "bytes of an object, and by how much to shift");

static char *object;
static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static int counter;

static void egm_planted_leak(void)
{
	int i;

	/* Several: a pointer to the last one may be left somewhere. */
	for (i = 0; i < 8; i++) {
		object = kzalloc(amount, GFP_KERNEL);
		if (object)
			object[0] = 'x';
	}
	object = NULL;
}

static void egm_planted_overrun(void)
{
	object = kzalloc(amount, GFP_KERNEL);
	if (object)
		object[amount] = 'x'; /* memset() has a check of its own */
	kfree(object);
}

static void egm_planted_shift(void)
{
	pr_info("1 << %d is %d\n", amount, 1 << amount);
}

static void egm_planted_locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static int egm_planted_racer(void *unused)
{
	while (!kthread_should_stop()) {
		counter++;
		cond_resched();
	}
	return 0;
}

/* Few accesses are watched: both threads go on for some time. */
static int egm_planted_race(void)
{
	struct task_struct *racer = kthread_run(egm_planted_racer, NULL, "egm_planted");
	int i;

	if (IS_ERR(racer))
		return PTR_ERR(racer);
	for (i = 0; i < amount * 20000; i++) {
		counter++;
		cond_resched();
	}
	return kthread_stop(racer);
}

static int __init egm_planted_init(void)
{
	if (!strcmp(fault, "leak"))
		egm_planted_leak();
	else if (!strcmp(fault, "overrun"))
		egm_planted_overrun();
	else if (!strcmp(fault, "shift"))
		egm_planted_shift();
	else if (!strcmp(fault, "locks"))
		egm_planted_locks();
	else if (!strcmp(fault, "race"))
		return egm_planted_race();
	else
		return -EINVAL;
	return 0;
}
module_init(egm_planted_init);

static void __exit egm_planted_exit(void)
{
}
module_exit(egm_planted_exit);

MODULE_DESCRIPTION("Planted faults, for tests");
MODULE_LICENSE("GPL");
