/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/tools/yaml_events.c: yaml_events FILE: what libyaml alone makes of the
 * file, which is nothing: a measure, for tests, of how fast this machine is.
 * Exit code: 0, 66 (not read), 78 (not valid).
 */
#include <stdbool.h>
#include <stdio.h>
#include <yaml.h>

static int count(FILE *f)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool good, more;

	if (!yaml_parser_initialize(&parser))
		return 66;
	yaml_parser_set_input_file(&parser, f);
	do {
		good = yaml_parser_parse(&parser, &event);
		more = good && event.type != YAML_STREAM_END_EVENT;
		if (good)
			yaml_event_delete(&event);
	} while (more);
	yaml_parser_delete(&parser);
	return good ? 0 : 78;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	int code;

	if (!f)
		return 66;
	code = count(f);
	fclose(f);
	return code;
}
