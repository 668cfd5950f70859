/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/file_tree.h: a folder for each test, with files that look like
 * those of / or of /proc.
 *
 * Shape:  definitions, so that one file of a program includes it.
 */
#ifndef CTPOLICY_TESTS_FILE_TREE_H
#define CTPOLICY_TESTS_FILE_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test_tree.XXXXXX";
static int tree = -1;

static int unlink_one(const char *path, const struct stat *st, int flag,
		      struct FTW *at)
{
	(void)st, (void)flag, (void)at;
	return remove(path);
}

static int begin(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	tree = open(root, O_RDONLY | O_DIRECTORY);
	return tree < 0;
}

static int end(void **state)
{
	(void)state;
	close(tree);
	return nftw(root, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(const char *path)
{
	assert_int_equal(mkdirat(tree, path, 0700), 0);
}

static void put(const char *path, const char *text)
{
	int fd = openat(tree, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#endif
