/* Streams: gzip in and out, whole-or-nothing files, peeking. */
#include "io/stream.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/gru-stream-XXXXXX";
static gru_error err;

static void enter(void) {
    cr_assert(mkdtemp(folder) && chdir(folder) == 0);
}

static void leave(void) {
    DIR *d = opendir(".");
    for (struct dirent *e; d && (e = readdir(d));)
        unlink(e->d_name);
    closedir(d);
    rmdir(folder);
}

TestSuite(stream, .init = enter, .fini = leave);

static size_t files_here(void) {
    size_t count = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return count;
}

static char *slurp(const char *path, size_t *count) {
    gru_input *in;
    char *text;
    cr_assert_eq(gru_input_open(&in, path, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_input_slurp(in, 1 << 24, &text, count, &err), GRU_OK, "%s", err.message);
    gru_input_close(in);
    return text;
}

static void write_file(const char *path, const char *text, size_t parts) {
    gru_output *o;
    cr_assert_eq(gru_output_open(&o, path, GRU_OUTPUT_TEXT, &err), GRU_OK, "%s", err.message);
    for (size_t i = 0; i < parts; i++)
        cr_assert_eq(gru_output_write(o, text, strlen(text), &err), GRU_OK);
    cr_assert_eq(gru_output_commit(o, &err), GRU_OK, "%s", err.message);
}

Test(stream, files_come_back_plain_and_packed) {
    static const char *const names[] = {"a.txt", "a.gz"};
    for (int i = 0; i < 2; i++) {
        size_t count;
        write_file(names[i], "0123456789\n", 60000);
        char *text = slurp(names[i], &count);
        cr_assert_eq(count, 660000);
        cr_assert_arr_eq(text + 659989, "0123456789\n", 11);
        free(text);
    }
    struct stat plain, packed;
    cr_assert(stat("a.txt", &plain) == 0 && stat("a.gz", &packed) == 0);
    cr_assert_lt(packed.st_size * 10, plain.st_size);
    cr_assert_eq(files_here(), 2);
}

Test(stream, gzip_members_follow_each_other_and_truncation_shows) {
    gzFile gz = gzopen("m.gz", "wb");
    gzwrite(gz, "one,", 4);
    gzclose(gz);
    gz = gzopen("m.gz", "ab");
    gzwrite(gz, "two", 3);
    gzclose(gz);
    size_t count;
    char *text = slurp("m.gz", &count);
    cr_assert_str_eq(text, "one,two");
    free(text);
    struct stat st;
    stat("m.gz", &st);
    for (off_t size = st.st_size - 1; size > 2; size -= 5) {
        if (size == st.st_size / 2 || truncate("m.gz", size) != 0)
            continue;
        gru_input *in;
        cr_assert_eq(gru_input_open(&in, "m.gz", &err), GRU_OK);
        gru_status status = gru_input_slurp(in, 1000, &text, &count, &err);
        if (count == 4 && status == GRU_OK) /* cut between the members */
            free(text);
        else {
            cr_assert_eq(status, GRU_ERR_DATA);
            cr_assert_str_eq(err.message, "m.gz: gzip data ends early");
        }
        gru_input_close(in);
    }
}

Test(stream, damaged_gzip_is_refused) {
    write_file("d.gz", "some text that is long enough to be worth it\n", 50);
    int fd = open("d.gz", O_RDWR);
    cr_assert_eq(pwrite(fd, "\xff\xff\xff\xff", 4, 30), 4);
    close(fd);
    gru_input *in;
    char *text;
    size_t count;
    cr_assert_eq(gru_input_open(&in, "d.gz", &err), GRU_OK);
    cr_assert_eq(gru_input_slurp(in, 1 << 20, &text, &count, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "d.gz: corrupt gzip data"), "%s", err.message);
    gru_input_close(in);
}

Test(stream, a_file_appears_whole_or_not_at_all) {
    gru_output *o;
    write_file("keep", "old", 1);
    chmod("keep", 0640);
    cr_assert_eq(gru_output_open(&o, "keep", GRU_OUTPUT_BINARY, &err), GRU_OK);
    cr_assert_eq(gru_output_write(o, "new", 3, &err), GRU_OK);
    cr_assert_eq(gru_output_flush(o, &err), GRU_OK);
    gru_output_discard(o);
    size_t count;
    char *text = slurp("keep", &count);
    cr_assert_str_eq(text, "old");
    free(text);
    cr_assert_eq(files_here(), 1);
    write_file("keep", "newer", 1);
    struct stat st;
    stat("keep", &st);
    cr_assert_eq(st.st_mode & 07777, 0640);
    cr_assert_eq(st.st_size, 5);
    cr_assert_eq(files_here(), 1);
}

Test(stream, a_replaced_file_stays_its_owners) {
    struct stat st;
    if (geteuid() != 0)
        cr_skip_test("only root gives files away");
    write_file("keep", "old", 1);
    cr_assert(chown("keep", 12345, 54321) == 0 && chmod("keep", 0640) == 0);
    write_file("keep", "newer", 1);
    cr_assert_eq(stat("keep", &st), 0);
    cr_assert(st.st_uid == 12345 && st.st_gid == 54321, "%u:%u", st.st_uid, st.st_gid);
    cr_assert_eq(st.st_mode & 07777, 0640);
}

Test(stream, a_folder_that_forbids_it_is_named_at_once) {
    static const struct {
        mode_t mode;
        const char *path, *reason;
    } cases[] = {
        {01777, "keep", "': Operation not permitted"},
        {0755, "keep", "': Permission denied"},
        {0755, "new", "'.': Permission denied"},
    };
    if (geteuid() != 0)
        cr_skip_test("only root can be someone else");
    write_file("keep", "old", 1);
    chmod("keep", 0666);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gru_output *o;
        chmod(".", cases[i].mode);
        cr_assert_eq(seteuid(65534), 0);
        gru_status status = gru_output_open(&o, cases[i].path, GRU_OUTPUT_TEXT, &err);
        cr_assert_eq(seteuid(0), 0);
        cr_assert_eq(status, GRU_ERR_IO);
        cr_assert(strstr(err.message, ": cannot create: directory '"), "%s", err.message);
        cr_assert(strstr(err.message, cases[i].reason), "%s", err.message);
    }
}

Test(stream, a_link_stays_one_though_its_file_is_not_there_yet) {
    struct stat st;
    gru_output *o;
    cr_assert(symlink("middle", "link") == 0 && symlink("./real", "middle") == 0);
    for (int i = 0; i < 2; i++) {
        write_file("./link", "text", 1);
        cr_assert(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
        cr_assert(lstat("middle", &st) == 0 && S_ISLNK(st.st_mode));
        cr_assert(lstat("real", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 4);
    }
    cr_assert_eq(symlink("loop", "loop"), 0);
    cr_assert_eq(gru_output_open(&o, "loop", GRU_OUTPUT_TEXT, &err), GRU_ERR_IO);
    cr_assert_str_eq(err.message, "loop: cannot create: Too many levels of symbolic links");
}

Test(stream, a_descriptor_is_written_where_it_stands) {
    static const int modes[] = {O_WRONLY, O_WRONLY | O_APPEND};
    for (int i = 0; i < 2; i++) {
        char name[32];
        size_t count;
        unlink("log");
        int fd = open("log", modes[i] | O_CREAT, 0666);
        snprintf(name, sizeof name, "/dev/fd/%d", fd);
        cr_assert_eq(write(fd, "before\n", 7), 7);
        write_file(name, "here\n", 1);
        cr_assert_eq(write(fd, "after\n", 6), 6);
        close(fd);
        char *text = slurp("log", &count);
        cr_assert_str_eq(text, "before\nhere\nafter\n");
        free(text);
    }
}

Test(stream, a_name_that_is_too_long_is_known_at_once) {
    gru_output *o;
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(gru_output_open(&o, name, GRU_OUTPUT_TEXT, &err), GRU_ERR_IO);
    cr_assert(strstr(err.message, ": cannot create: File name too long"), "%s", err.message);
}

Test(stream, a_patch_overwrites_what_was_written) {
    gru_output *o;
    cr_assert_eq(gru_output_open(&o, "p", GRU_OUTPUT_BINARY, &err), GRU_OK);
    cr_assert(gru_output_seekable(o));
    gru_output_write(o, "XXXX-rest", 9, &err);
    cr_assert_eq(gru_output_patch(o, 0, "head", 4, &err), GRU_OK);
    cr_assert_eq(gru_output_write(o, "!", 1, &err), GRU_OK);
    cr_assert_eq(gru_output_tell(o), 10);
    cr_assert_eq(gru_output_commit(o, &err), GRU_OK);
    size_t count;
    char *text = slurp("p", &count);
    cr_assert_str_eq(text, "head-rest!");
    free(text);
}

Test(stream, says_what_the_system_refused) {
    gru_output *o;
    gru_input *in;
    cr_assert_eq(gru_output_open(&o, "no/such/x", GRU_OUTPUT_TEXT, &err), GRU_ERR_IO);
    cr_assert_str_eq(err.message,
                     "no/such/x: cannot create: directory 'no/such': No such file or directory");
    cr_assert_eq(gru_input_open(&in, ".", &err), GRU_ERR_IO);
    cr_assert_str_eq(err.message, ".: is a directory");
    cr_assert_eq(gru_input_open(&in, "gone", &err), GRU_ERR_IO);
    cr_assert_str_eq(err.message, "gone: cannot open: No such file or directory");
    cr_assert_eq(gru_output_open(&o, "/dev/full", GRU_OUTPUT_TEXT, &err), GRU_OK);
    cr_assert_eq(gru_output_write(o, "x", 1, &err), GRU_OK);
    cr_assert_eq(gru_output_commit(o, &err), GRU_ERR_IO);
    cr_assert_str_eq(err.message, "/dev/full: cannot write: No space left on device");
}

Test(stream, peeks_without_taking) {
    static const char text[] = "abcdef";
    const unsigned char *bytes;
    size_t count;
    char rest[8];
    gru_input *in;
    cr_assert_eq(gru_input_open_bytes(&in, text, 6, "memory", &err), GRU_OK);
    cr_assert_eq(gru_input_peek(in, 100, &bytes, &count, &err), GRU_OK);
    cr_assert(count == 6 && memcmp(bytes, "abcdef", 6) == 0);
    gru_input_consume(in, 2);
    cr_assert_eq(gru_input_read_all(in, rest, 4, &err), GRU_OK);
    cr_assert_arr_eq(rest, "cdef", 4);
    cr_assert_eq(gru_input_read_all(in, rest, 1, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "memory: ends after 6 bytes");
    gru_input_close(in);
}

Test(stream, reads_in_the_middle_of_a_file_and_notices_a_cut) {
    char bytes[4] = "";
    write_file("f", "abcdef", 1);
    int fd = open("f", O_RDWR);
    cr_assert_eq(gru_file_read(fd, "f", 2, bytes, 3, &err), GRU_OK, "%s", err.message);
    cr_assert_str_eq(bytes, "cde");
    cr_assert_eq(ftruncate(fd, 4), 0);
    cr_assert_eq(gru_file_read(fd, "f", 2, bytes, 3, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "f: was cut while it was in use");
    close(fd);
}
