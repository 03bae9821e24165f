/* Who may change what root's gateway, or another user's, is configured by. */
/* wrap: geteuid */
/* wrap: lstat */
/* wrap: fstat */
#include "config_test.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "config_access.h"

#define SELF 4321
#define THEM 4322

uid_t __wrap_geteuid(void);
int __real_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

/* Who we are, and what one place seems to be; all others are root's alone. */
static uid_t self;
static struct {
	const char *end; /* of its path */
	uid_t uid;
	gid_t gid;
	mode_t mode;
} odd;

static char folder[] = "/tmp/mcpgw-access-XXXXXX";

uid_t
__wrap_geteuid(void)
{
	return self;
}

static bool
ends_with(const char *path, const char *end)
{
	size_t n = strlen(path);

	return n >= strlen(end) && strcmp(path + n - strlen(end), end) == 0;
}

static void
disguise(const char *path, struct stat *st)
{
	st->st_uid = 0;
	st->st_gid = 0;
	if (strcmp(path, "/tmp") != 0)
		st->st_mode &= (mode_t)~022;
	if (odd.end == NULL || !ends_with(path, odd.end))
		return;
	st->st_uid = odd.uid;
	st->st_gid = odd.gid;
	st->st_mode = (st->st_mode & S_IFMT) | odd.mode;
}

int
__wrap_lstat(const char *path, struct stat *st)
{
	int result = __real_lstat(path, st);

	if (result == 0)
		disguise(path, st);
	return result;
}

/* Only files are asked for so. */
int
__wrap_fstat(int fd, struct stat *st)
{
	int result = __real_fstat(fd, st);

	if (result == 0)
		disguise("/file", st);
	return result;
}

static void
seem(const char *end, uid_t uid, gid_t gid, mode_t mode)
{
	odd.end = end;
	odd.uid = uid;
	odd.gid = gid;
	odd.mode = mode;
}

/* In the folder: sub/file, link -> sub, sub/back -> ../link/file. */
static const char *
in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int
check(const char *path, enum config_trust trust, char *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	assert_int_not_equal(fd, -1);
	*why = '\0';
	result = config_access_check(fd, path, trust, why);
	close(fd);
	return result;
}

static void
must_pass(const char *path)
{
	char why[CONFIG_TEXT_WHY_MAX];

	if (check(path, CONFIG_TRUST_FILE, why) == -1)
		fail_msg("%s %s", path, why);
}

static void
must_refuse(const char *path, const char *part)
{
	char why[CONFIG_TEXT_WHY_MAX];

	assert_int_equal(check(path, CONFIG_TRUST_FILE, why), -1);
	if (strstr(why, part) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", path, why, part);
}

static void
root_takes_what_only_root_can_change(void **state)
{
	(void)state;
	self = 0;
	seem(NULL, 0, 0, 0);
	must_pass(in_folder("sub/file"));
	must_pass(in_folder("link/file"));
	must_pass(in_folder("sub/back"));
	must_pass(in_folder("sub/../link/./back"));
	seem("/file", 0, 0, 0664);
	must_pass(in_folder("sub/file")); /* the group of root */
	seem("/sub", 0, THEM, 01777);
	must_pass(in_folder("sub/file")); /* like /tmp */
	seem("/link", 0, THEM, 0777);
	must_pass(in_folder("link/file")); /* a link's mode means nothing */
	assert_int_equal(chdir(folder), 0);
	must_pass("sub/file");
	must_pass("./link//file");
}

static void
root_refuses_a_file_that_others_can_change(void **state)
{
	(void)state;
	self = 0;
	seem("/file", THEM, 0, 0600);
	must_refuse(in_folder("sub/file"),
	    "can be changed by others than root: /tmp/mcpgw-access-");
	must_refuse(in_folder("sub/file"),
	    "/sub/file belongs to user 4322 (unknown); run \"chown root /tmp/");
	seem("/file", 0, THEM, 0660);
	must_refuse(in_folder("sub/file"),
	    "/sub/file can be written by group 4322 (unknown), its mode being "
	    "0660; run \"chmod g-w /tmp/");
	seem("/file", 0, 0, 0602);
	must_refuse(in_folder("sub/file"),
	    "/sub/file can be written by anyone, its mode being 0602; run "
	    "\"chmod o-w /tmp/");
	must_refuse(in_folder("sub/file"),
	    "/sub/file\", or put the file where only root can change it");
}

static void
root_refuses_a_folder_that_others_can_change(void **state)
{
	(void)state;
	self = 0;
	seem("/sub", THEM, 0, 0700);
	must_refuse(in_folder("sub/file"), "/sub belongs to user 4322");
	seem("/sub", THEM, 0, 01777); /* who could replace what is in it */
	must_refuse(in_folder("sub/file"), "/sub belongs to user 4322");
	seem("/sub", 0, THEM, 0770);
	must_refuse(in_folder("sub/file"), "/sub can be written by group");
	seem("/sub", 0, 0, 0777);
	must_refuse(in_folder("sub/file"), "/sub can be written by anyone");
	must_refuse(in_folder("link/file"), "/sub can be written by anyone");
	assert_int_equal(chdir(in_folder("sub")), 0);
	must_refuse("file", "/sub can be written by anyone");
	must_refuse("../sub/file", "/sub can be written by anyone");
	assert_int_equal(chdir("/"), 0);
	seem("/", 0, 0, 0777);
	must_refuse(in_folder("sub/file"), "root: / can be written by anyone");
}

static void
root_refuses_a_link_that_others_can_change(void **state)
{
	(void)state;
	self = 0;
	seem("/link", THEM, 0, 0777);
	must_pass(in_folder("sub/file")); /* which it is no part of */
	must_refuse(in_folder("link/file"), "/link belongs to user 4322");
	must_refuse(in_folder("sub/back"), "/link belongs to user 4322");
	seem("/back", THEM, 0, 0777);
	must_refuse(in_folder("link/back"), "/sub/back belongs to user 4322");
}

static void
a_file_that_was_replaced_is_not_taken(void **state)
{
	char why[CONFIG_TEXT_WHY_MAX];
	int fd = open(in_folder("other"), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	self = 0;
	seem(NULL, 0, 0, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(config_access_check(
			     fd, in_folder("sub/file"), CONFIG_TRUST_FILE, why),
	    -1);
	assert_non_null(strstr(why, "was replaced while it was read"));
	close(fd);
	assert_int_equal(unlink(in_folder("other")), 0);
}

static void
a_circle_of_links_has_an_end(void **state)
{
	char why[CONFIG_TEXT_WHY_MAX];
	int fd = open(in_folder("sub/file"), O_RDONLY | O_CLOEXEC);

	(void)state;
	self = 0;
	seem(NULL, 0, 0, 0);
	assert_int_equal(symlink("circle", in_folder("circle")), 0);
	assert_int_equal(config_access_check(
			     fd, in_folder("circle"), CONFIG_TRUST_FILE, why),
	    -1);
	assert_non_null(strstr(why, "Too many levels of symbolic links"));
	close(fd);
	assert_int_equal(unlink(in_folder("circle")), 0);
}

/* Where folders are a user's own, they are that user's to see to. */
static void
a_user_takes_what_is_the_users_own_or_roots(void **state)
{
	(void)state;
	self = SELF;
	seem("/file", SELF, SELF, 0664);
	must_pass(in_folder("sub/file"));
	seem("/file", 0, 0, 0644);
	must_pass(in_folder("sub/file"));
	seem("/sub", THEM, THEM, 0777);
	must_pass(in_folder("sub/file"));
	seem("/file", THEM, SELF, 0600);
	must_refuse(in_folder("sub/file"),
	    "belongs to user 4322 (unknown), who can change it; make a copy of "
	    "your own and name that");
	seem("/file", SELF, SELF, 0602);
	must_refuse(in_folder("sub/file"),
	    "/sub/file can be written by anyone, its mode being 0602; run "
	    "\"chmod o-w ");
}

static void
a_secret_may_not_be_read_by_everybody(void **state)
{
	static const uid_t users[] = { 0, SELF };
	char why[CONFIG_TEXT_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		self = users[i];
		seem("/file", self, 0, 0644);
		must_pass(in_folder("sub/file"));
		assert_int_equal(
		    check(in_folder("sub/file"), CONFIG_TRUST_SECRET, why), -1);
		assert_non_null(strstr(why,
		    "can be read by anyone, its mode being 0644; run \"chmod "
		    "o-r\""));
		seem("/file", self, 0, 0640);
		assert_int_equal(
		    check(in_folder("sub/file"), CONFIG_TRUST_SECRET, why), 0);
		seem("/file", THEM, 0, 0600);
		assert_int_equal(
		    check(in_folder("sub/file"), CONFIG_TRUST_SECRET, why), -1);
	}
}

/* The configuration, and what it names. */
static void
every_way_into_the_configuration_is_checked(void **state)
{
	struct config_errors errors;
	struct config *c;
	char text[512];
	int fd;

	(void)state;
	self = 0;
	seem("/file", THEM, 0, 0644);
	assert_int_equal(config_load(&c, in_folder("sub/file"), &errors), -1);
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.list[0].text, "belongs to user 4322"));
	config_errors_free(&errors);
	snprintf(text, sizeof(text),
	    "{\"a\": {\"command\": \"x\",\n\"cwd\": \"${file:%s}\"}}",
	    in_folder("sub/file"));
	must_fail(text, 2, 8, "/sub/file}, which can be changed by others");
	snprintf(text, sizeof(text),
	    "{\"a\": {\"url\": \"https://x\",\n\"ca_file\": \"%s\"}}",
	    in_folder("sub/file"));
	must_fail(text, 2, 12, "/sub/file\", which can be changed by others");
	seem(NULL, 0, 0, 0);
	fd = open(in_folder("sub/file"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "{}", 2), 2);
	close(fd);
	assert_int_equal(config_load(&c, in_folder("sub/file"), &errors), 0);
	config_free(&c);
}

static int
make_folder(void **state)
{
	char target[64];
	int fd;

	(void)state;
	if (mkdtemp(folder) == NULL || mkdir(in_folder("sub"), 0755) == -1 ||
	    (fd = open(in_folder("sub/file"), O_WRONLY | O_CREAT | O_CLOEXEC,
		 0600)) == -1)
		return -1;
	close(fd);
	snprintf(target, sizeof(target), "%s", in_folder("sub"));
	if (symlink(target, in_folder("link")) == -1)
		return -1;
	return symlink("../link/file", in_folder("sub/back"));
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(in_folder("sub/back"));
	(void)unlink(in_folder("sub/file"));
	(void)unlink(in_folder("link"));
	(void)rmdir(in_folder("sub"));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_takes_what_only_root_can_change),
		cmocka_unit_test(root_refuses_a_file_that_others_can_change),
		cmocka_unit_test(root_refuses_a_folder_that_others_can_change),
		cmocka_unit_test(root_refuses_a_link_that_others_can_change),
		cmocka_unit_test(a_file_that_was_replaced_is_not_taken),
		cmocka_unit_test(a_circle_of_links_has_an_end),
		cmocka_unit_test(a_user_takes_what_is_the_users_own_or_roots),
		cmocka_unit_test(a_secret_may_not_be_read_by_everybody),
		cmocka_unit_test(every_way_into_the_configuration_is_checked),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
