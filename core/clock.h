/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/clock.h: the clock that deadlines are measured by, and what work costs.
 *
 * Units:  nanoseconds; deadlines of CLOCK_BOOTTIME, which goes on while the
 *         machine sleeps and which nobody can set.
 */
#ifndef CTPOLICY_CORE_CLOCK_H
#define CTPOLICY_CORE_CLOCK_H

#include <stdint.h>

uint64_t clock_boot_ns(void);
/* What this process has taken of processors. */
uint64_t clock_worked_ns(void);
/* That many seconds from now. */
uint64_t clock_deadline(uint32_t seconds);
void clock_pause_ms(unsigned int ms);

#endif
