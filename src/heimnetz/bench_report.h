/* src/heimnetz/bench_report.h - what a measurement found, as a page for people or as JSON. Thread: main. */
#ifndef HEIMNETZ_BENCH_REPORT_H
#define HEIMNETZ_BENCH_REPORT_H

#include "heimnetz/bench.h"
#include "heimnetz/term.h"
#include "kit/buf.h"

/* NOMEM, FULL: nothing was printed. */
KIT_MUST_CHECK enum kit_status heimnetz_bench_print(const struct heimnetz_term *t,
                                                    const struct heimnetz_bench_plan *plan,
                                                    const struct heimnetz_bench_result *r);
void heimnetz_bench_write(const struct heimnetz_bench_plan *plan, const struct heimnetz_bench_result *r,
                          struct kit_buf *out); /* see out->failed */

#endif
