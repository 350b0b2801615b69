// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clearing: no byte of an earlier owner, boot or the firmware gets out
 *
 * One CPU does not fill the memory's bandwidth, so several share the work. They
 * are workers of an unbound workqueue: those keep off isolated CPUs and survive
 * that a CPU goes, and the administrator may confine them through sysfs.
 */
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "egm.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * Mapped at a time by each thread, at most: no kernel needs room for all of a
 * region then, and one entry of the page tables may do.
 */
#define EGM_CLEAR_WINDOW	SZ_1G
/* Cleared between two looks at the scheduler: some milliseconds */
#define EGM_CLEAR_CHUNK		SZ_16M
/* Pieces for each thread, so that all end at about one time */
#define EGM_CLEAR_SHARES	16

static struct workqueue_struct *egm_clear_wq;

struct egm_clear;

/**
 * struct egm_clear_thread - one thread's part in a clear
 * @work: what the workqueue runs
 * @clear: the clear
 * @window: what it has mapped, NULL: nothing
 * @start: offset of the window in the region
 */
struct egm_clear_thread {
	struct work_struct work;
	struct egm_clear *clear;
	void *window;
	u64 start;
};

/**
 * struct egm_clear - a clear under way
 * @region: what is cleared; its removal waits for the clear
 * @piece: bytes that a thread takes at a time: a power of two, one window at most
 * @cursor: where the next piece begins
 * @error: 0 as long as it is worth going on
 * @running: threads that have not finished
 * @done: all of them have
 * @nr_threads: entries in @threads
 * @threads: the threads
 */
struct egm_clear {
	struct egm_region *region;
	u64 piece;
	atomic64_t cursor;
	int error;
	atomic_t running;
	struct completion done;
	unsigned int nr_threads;
	struct egm_clear_thread threads[] __counted_by(nr_threads);
};

static void egm_clear_abort(struct egm_clear *clear, int error)
{
	cmpxchg(&clear->error, 0, error);
}

/*
 * Have the window mapped that @offset lies in. It stays until the thread gets to
 * another one: each unmapping interrupts all CPUs.
 */
static int egm_clear_map(struct egm_clear_thread *thread, u64 offset)
{
	struct egm_region *region = thread->clear->region;
	u64 start = ALIGN_DOWN(offset, EGM_CLEAR_WINDOW);

	if (thread->window && thread->start == start)
		return 0;
	if (thread->window)
		memunmap(thread->window);
	thread->start = start;
	thread->window = memremap(region->base + start,
				  min_t(u64, region->size - start,
					EGM_CLEAR_WINDOW),
				  MEMREMAP_WB);
	return thread->window ? 0 : -ENOMEM;
}

/*
 * Clear the piece at @offset. Retired granules are not touched: a store to one may
 * take the host down.
 */
static int egm_clear_piece(struct egm_clear_thread *thread, u64 offset)
{
	struct egm_clear *clear = thread->clear;
	struct egm_region *region = clear->region;
	u64 end = min(region->size, offset + clear->piece);
	int ret;

	ret = egm_clear_map(thread, offset);
	if (ret)
		return ret;

	while (offset < end) {
		u64 stop = min(end, offset + EGM_CLEAR_CHUNK);
		/* Asked each time: memory may fail while it is cleared. */
		u64 retired = egm_retired_next(region, offset);

		if (READ_ONCE(clear->error))
			return 0;
		if (!READ_ONCE(region->egm))
			return -ENODEV;
		cond_resched();

		if (retired > offset) {
			stop = min(stop, retired);
			memset(thread->window + (offset - thread->start), 0,
			       stop - offset);
			atomic64_add(stop - offset, &region->cleared);
			offset = stop;
		} else {
			offset += NVGRACE_EGM_GRANULE;
		}
	}
	return 0;
}

static void egm_clear_work(struct work_struct *work)
{
	struct egm_clear_thread *thread =
		container_of(work, struct egm_clear_thread, work);
	struct egm_clear *clear = thread->clear;

	while (!READ_ONCE(clear->error)) {
		u64 offset = atomic64_fetch_add(clear->piece, &clear->cursor);
		int ret;

		if (offset >= clear->region->size)
			break;
		ret = egm_clear_piece(thread, offset);
		if (ret)
			egm_clear_abort(clear, ret);
	}
	if (thread->window)
		memunmap(thread->window);

	/* The opener frees it all. */
	if (atomic_dec_and_test(&clear->running))
		complete(&clear->done);
}

/* CPUs of @node, or of all nodes, that are online and not isolated */
static bool egm_clear_node_cpus(int node, struct cpumask *cpus)
{
	unsigned int cpu;

	cpumask_and(cpus, cpu_online_mask,
		    node == NUMA_NO_NODE ? cpu_possible_mask :
					   cpumask_of_node(node));
	guard(rcu)();
	for_each_cpu(cpu, cpus)
		if (!housekeeping_test_cpu(cpu, HK_TYPE_DOMAIN) ||
		    !housekeeping_test_cpu(cpu, HK_TYPE_WQ))
			cpumask_clear_cpu(cpu, cpus);
	return !cpumask_empty(cpus);
}

/*
 * The CPUs nearest to the memory. Its own node has none by firmware's tables, and
 * may be unknown altogether; a whole socket may be isolated.
 */
static void egm_clear_cpus(struct egm_region *region, struct cpumask *cpus)
{
	if (!egm_clear_node_cpus(numa_nearest_node(region->node, N_CPU), cpus))
		egm_clear_node_cpus(NUMA_NO_NODE, cpus);
}

static struct egm_clear *egm_clear_alloc(struct egm_region *region, unsigned int n)
{
	struct egm_clear *clear;
	u64 piece;

	piece = clamp_t(u64, div_u64(region->size, n * EGM_CLEAR_SHARES),
			EGM_CLEAR_CHUNK, EGM_CLEAR_WINDOW);
	piece = rounddown_pow_of_two(piece);
	/* More threads than pieces would have nothing to do. */
	n = min_t(u64, n, DIV_ROUND_UP_ULL(region->size, piece));

	clear = kvzalloc(struct_size(clear, threads, n), GFP_KERNEL);
	if (!clear)
		return NULL;
	clear->region = region;
	clear->piece = piece;
	clear->nr_threads = n;
	atomic_set(&clear->running, n);
	init_completion(&clear->done);
	for (unsigned int i = 0; i < n; i++) {
		clear->threads[i].clear = clear;
		INIT_WORK(&clear->threads[i].work, egm_clear_work);
	}
	return clear;
}

static int egm_clear_run(struct egm_region *region, unsigned int *threads)
{
	struct cpumask *cpus __free(kfree) = NULL;
	struct egm_clear *clear __free(kvfree) = NULL;
	unsigned int nr_cpus;

	cpus = kzalloc(cpumask_size(), GFP_KERNEL);
	if (!cpus)
		return -ENOMEM;
	egm_clear_cpus(region, cpus);
	nr_cpus = cpumask_weight(cpus);

	*threads = egm_clear_threads() ?: max(nr_cpus, 1);
	clear = egm_clear_alloc(region, *threads);
	if (!clear)
		return -ENOMEM;
	*threads = clear->nr_threads;

	trace_egm_clear_begin(region->pxm, region->size, *threads);
	for (unsigned int i = 0; i < clear->nr_threads; i++)
		queue_work_on(nr_cpus ? cpumask_nth(i % nr_cpus, cpus) :
					WORK_CPU_UNBOUND,
			      egm_clear_wq, &clear->threads[i].work);

	/* Frozen here, the opener does not hold up suspend; the work goes on. */
	if (wait_for_completion_state(&clear->done,
				      TASK_KILLABLE | TASK_FREEZABLE)) {
		egm_clear_abort(clear, -EINTR);
		wait_for_completion(&clear->done);
	}
	return clear->error;
}

/**
 * egm_clear_begin - forget what the last clear has counted
 * @region: the region
 *
 * Context: a write section of the region's lock, the one that announces the
 * clear: who sees its state must not see the last clear's numbers.
 */
void egm_clear_begin(struct egm_region *region)
{
	lockdep_assert_held_write(&region->lock);
	atomic64_set(&region->cleared, 0);
	region->clear_began = ktime_get();
}

/**
 * egm_clear - overwrite a region with zeros
 * @region: the region, in state EGM_STATE_CLEARING, after egm_clear_begin()
 *
 * Context: the opener's; sleeps, killable.
 * Return: 0 if all but the retired granules is zero; -EINTR for a fatal signal,
 * -ENODEV when the region is removed, -ENOMEM. No thread works on it any more.
 */
int egm_clear(struct egm_region *region)
{
	unsigned int threads;
	u64 cleared, ns;
	int ret;

	ret = egm_clear_run(region, &threads);
	/* Who has seen the time pass sees no less of it afterwards. */
	scoped_guard(rwsem_write, &region->lock) {
		ns = ktime_to_ns(ktime_sub(ktime_get(), region->clear_began));
		region->clear_ms = div_u64(ns, NSEC_PER_MSEC);
		region->clear_began = 0;
	}

	cleared = atomic64_read(&region->cleared);
	if (ret) {
		trace_egm_clear_abort(region->pxm, cleared, ret);
		return ret;
	}
	trace_egm_clear_end(region->pxm, cleared, ns);
	egm_info(region, "cleared %llu MiB in %llu ms, %u threads\n",
		 cleared / SZ_1M, region->clear_ms, threads);
	return 0;
}

/**
 * egm_clear_ms - how long clearing took, or has taken so far
 * @region: the region
 *
 * Return: milliseconds of the clear under way, else of the last one.
 */
u64 egm_clear_ms(struct egm_region *region)
{
	guard(rwsem_read)(&region->lock);
	return region->clear_began ?
		       ktime_ms_delta(ktime_get(), region->clear_began) :
		       region->clear_ms;
}

/**
 * egm_clear_init - prepare what all clears share
 *
 * Return: 0 or -ENOMEM.
 */
int egm_clear_init(void)
{
	egm_clear_wq = alloc_workqueue("nvgrace-egm", WQ_UNBOUND | WQ_SYSFS,
				       WQ_UNBOUND_MAX_ACTIVE);
	return egm_clear_wq ? 0 : -ENOMEM;
}

/**
 * egm_clear_exit - undo egm_clear_init(); no clear is under way
 */
void egm_clear_exit(void)
{
	destroy_workqueue(egm_clear_wq);
}
