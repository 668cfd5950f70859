/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/clock.h: the clock that deadlines are measured by.
 *
 * Units:  nanoseconds of CLOCK_BOOTTIME, which goes on while the machine
 *         sleeps and which nobody can set.
 */
#ifndef CTPOLICY_CORE_CLOCK_H
#define CTPOLICY_CORE_CLOCK_H

#include <stdint.h>

uint64_t clock_boot_ns(void);
/* That many seconds from now. */
uint64_t clock_deadline(uint32_t seconds);
void clock_pause_ms(unsigned int ms);

#endif
