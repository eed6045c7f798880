/* The derivation tree as it is drawn. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/caps_tree.h"

static char *draw(const char *rows)
{
    json_t *list = json_loads(rows, 0, NULL);
    cr_assert_not_null(list);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(caps_tree_print(stream, list), 0);
    fclose(stream);
    json_decref(list);
    return text;
}

/* Goal: each stands below what it was derived from, in the order of the rows, whatever that order is. */
Test(caps_tree, forest)
{
    char *text = draw("["
                      "{\"capability\":\"4.0\",\"parent\":\"2.0\",\"realm\":\"C\",\"service\":\"s\",\"kind\":"
                      "\"send\",\"rights\":[\"send\"],\"badge\":3},"
                      "{\"capability\":\"1.0\",\"parent\":null,\"realm\":\"A\",\"service\":\"s\",\"kind\":"
                      "\"endpoint\",\"rights\":[\"recv\",\"grant\"],\"badge\":null},"
                      "{\"capability\":\"2.0\",\"parent\":\"1.0\",\"realm\":\"B\",\"service\":\"s\",\"kind\":"
                      "\"send\",\"rights\":[\"send\",\"grant\"],\"badge\":1},"
                      "{\"capability\":\"5.0\",\"parent\":\"1.0\",\"realm\":\"D\",\"service\":\"s\",\"kind\":"
                      "\"send\",\"rights\":[],\"badge\":2},"
                      "{\"capability\":\"6.0\",\"parent\":null,\"realm\":\"A\",\"service\":null,\"kind\":"
                      "\"debug\",\"rights\":[\"read\"],\"badge\":null},"
                      "{\"capability\":\"7.0\",\"parent\":null,\"realm\":\"A\",\"kind\":\"memory\","
                      "\"rights\":[\"read\"],\"badge\":null,\"bytes\":8192,\"sealed\":true},"
                      "{\"capability\":\"8.0\",\"parent\":null,\"realm\":\"A\",\"kind\":\"memory\","
                      "\"rights\":[\"read\"],\"badge\":null,\"bytes\":4096,\"sealed\":false}]");
    cr_assert_str_eq(text, "endpoint s [recv grant] A\n"
                           "├─ send s [send grant] B, badge 1\n"
                           "│  └─ send s [send] C, badge 3\n"
                           "└─ send s [] D, badge 2\n"
                           "debug [read] A\n"
                           "memory [read] A, 8192 bytes, sealed\n"
                           "memory [read] A, 4096 bytes\n");
    free(text);
}

/* Goal: what makes no tree is drawn all the same: a parent that is not there, circles, nothing at all. */
Test(caps_tree, no_tree)
{
    char *text = draw("[{\"capability\":\"1.0\",\"parent\":\"9.9\",\"realm\":\"A\",\"kind\":\"send\"}]");
    cr_assert_str_eq(text, "send [] A\n");
    free(text);
    text = draw("[{\"capability\":\"1.0\",\"parent\":\"2.0\",\"realm\":\"A\",\"kind\":\"x\"},"
                "{\"capability\":\"2.0\",\"parent\":\"1.0\",\"realm\":\"B\",\"kind\":\"y\"}]");
    cr_assert_str_eq(text, "x [] A\n└─ y [] B\n");
    free(text);
    text = draw("[]");
    cr_assert_str_eq(text, "no capabilities\n");
    free(text);
    text = draw("[3, null, {\"realm\":\"a\\u001bb\"}]");
    cr_assert_not_null(strstr(text, "a?b"));
    cr_assert_null(strchr(text, '\033'));
    free(text);
}
