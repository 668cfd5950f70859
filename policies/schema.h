/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/schema.h: the JSON schema of the language, as it is installed.
 *
 * Source: policies/schema/ctpolicy.schema.json, to the byte; JSON Schema
 *         draft-07, the newest that yaml-language-server reads.
 */
#ifndef CTPOLICY_POLICIES_SCHEMA_H
#define CTPOLICY_POLICIES_SCHEMA_H

extern const char policy_schema[];

#endif
