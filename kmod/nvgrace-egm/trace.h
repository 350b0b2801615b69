/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nvgrace_egm

#if !defined(_EGM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _EGM_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(egm_clear_begin,
	TP_PROTO(u32 pxm, u64 size, unsigned int threads),
	TP_ARGS(pxm, size, threads),
	TP_STRUCT__entry(
		__field(u32, pxm)
		__field(u64, size)
		__field(unsigned int, threads)
	),
	TP_fast_assign(
		__entry->pxm = pxm;
		__entry->size = size;
		__entry->threads = threads;
	),
	TP_printk("pxm=%u size=%llu threads=%u", __entry->pxm, __entry->size,
		  __entry->threads)
);

TRACE_EVENT(egm_clear_end,
	TP_PROTO(u32 pxm, u64 cleared, u64 ns),
	TP_ARGS(pxm, cleared, ns),
	TP_STRUCT__entry(
		__field(u32, pxm)
		__field(u64, cleared)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->pxm = pxm;
		__entry->cleared = cleared;
		__entry->ns = ns;
	),
	TP_printk("pxm=%u cleared=%llu ns=%llu", __entry->pxm,
		  __entry->cleared, __entry->ns)
);

TRACE_EVENT(egm_clear_abort,
	TP_PROTO(u32 pxm, u64 cleared, int error),
	TP_ARGS(pxm, cleared, error),
	TP_STRUCT__entry(
		__field(u32, pxm)
		__field(u64, cleared)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->pxm = pxm;
		__entry->cleared = cleared;
		__entry->error = error;
	),
	TP_printk("pxm=%u cleared=%llu error=%d", __entry->pxm,
		  __entry->cleared, __entry->error)
);

#endif /* _EGM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
