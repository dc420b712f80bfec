/* src/aethercore/metrics.h - which metrics this program shows: those of its folders and of the process. Thread: main. */
#ifndef AETHERCORE_METRICS_H
#define AETHERCORE_METRICS_H

/* Registers every table; call once, before threads start. */
void aethercore_metrics_register(void);

#endif
