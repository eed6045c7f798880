/* A system as a graph: what is drawn, and that names stay data. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/graph_text.h"

struct answers {
    json_t *realms, *services, *channels, *caps, *rules;
};

#define RULES                                                                                                \
    "[{\"kind\":\"access\",\"who\":\"app\",\"realm\":true,\"service\":\"database\"},"                        \
    "{\"kind\":\"deny\",\"who\":\"/x\\\"]\",\"realm\":false,\"service\":\"database\"},"                      \
    "{\"kind\":\"grant\",\"who\":\"worker\",\"realm\":true,\"service\":\"database\"},"                       \
    "{\"kind\":\"parent "                                                                                    \
    "grant\",\"who\":\"worker\",\"realm\":true,\"service\":\"database\",\"by\":\"a\\\"]\"}]"

static struct answers load(const char *realms, const char *services, const char *channels, const char *caps)
{
    struct answers answers = {json_loads(realms, 0, NULL), json_loads(services, 0, NULL),
                              json_loads(channels, 0, NULL), json_loads(caps, 0, NULL),
                              json_loads(RULES, 0, NULL)};
    cr_assert(answers.realms && answers.services && answers.channels && answers.caps && answers.rules);
    return answers;
}

static char *print(struct answers answers, void (*form)(FILE *, const struct graph *))
{
    struct graph graph = {answers.realms, answers.services, answers.channels, answers.caps, answers.rules};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    form(stream, &graph);
    fclose(stream);
    json_decref(answers.realms);
    json_decref(answers.services);
    json_decref(answers.channels);
    json_decref(answers.caps);
    json_decref(answers.rules);
    return text;
}

#define REALMS                                                                                               \
    "[{\"realm\":\"app\",\"parent\":null,\"state\":\"running\"},"                                            \
    "{\"realm\":\"db\",\"parent\":null,\"state\":\"dormant\"},"                                              \
    "{\"realm\":\"worker\",\"parent\":\"app\",\"state\":\"running\"}]"
#define SERVICES                                                                                             \
    "[{\"service\":\"database\",\"provider\":\"db\",\"registered\":true,\"access\":[\"app\",\"all\"]}]"
#define CHANNELS "[{\"client\":\"worker\",\"service\":\"database\",\"server\":\"db\",\"badge\":7}]"
#define CAPS                                                                                                 \
    "[{\"capability\":\"1.0\",\"parent\":null,\"realm\":\"db\",\"kind\":\"endpoint\"},"                      \
    "{\"capability\":\"2.0\",\"parent\":\"1.0\",\"realm\":\"worker\",\"kind\":\"send\"}]"

/* Goal: realms, services, channels, who may connect, and capabilities are all in the graph. */
Test(graph_text, dot)
{
    char *text = print(load(REALMS, SERVICES, CHANNELS, CAPS), graph_text_dot);
    static const char *const lines[] = {"  r0 [shape=box, label=\"app\"];\n",
                                        "  r1 [shape=box, style=dashed, label=\"db\"];\n",
                                        "  s0 [shape=ellipse, label=\"database\"];\n",
                                        "  r0 -> r2 [style=dotted, arrowhead=none, label=\"parent of\"];\n",
                                        "  s0 -> r1 [arrowhead=none, style=bold, label=\"provided by\"];\n",
                                        "  r0 -> s0 [style=dashed, label=\"may connect\"];\n",
                                        "  r2 -> s0 [style=dashed, label=\"granted\"];\n",
                                        "  r2 -> s0 [style=dashed, label=\"granted by a\\\"]\"];\n",
                                        "  p1 [shape=plaintext, label=\"/x\\\"]\"];\n",
                                        "  p1 -> s0 [style=dashed, color=red, label=\"denied\"];\n",
                                        "  r2 -> s0 [label=\"channel, badge 7\"];\n",
                                        "  c0 -> c1 [color=gray, label=\"derived\"];\n",
                                        "  r2 -> c1 [color=gray, arrowhead=none, label=\"holds\"];\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_not_null(strstr(text, lines[i]), "no line %s in\n%s", lines[i], text);
    free(text);
}

/* Goal: a name that tries to end its label, or to say something to graphviz or the terminal, does not. */
Test(graph_text, hostile_names)
{
    char *text = print(load("[{\"realm\":\"a\\\"]; x [label=\\\"\",\"parent\":null,\"state\":\"running\"},"
                            "{\"realm\":\"b\\\\\",\"parent\":null,\"state\":\"running\"},"
                            "{\"realm\":\"c\\n\\u001bd<b>\\\\N\",\"parent\":null,\"state\":\"running\"}]",
                            "[]", "[]", "[]"),
                       graph_text_dot);
    cr_assert_not_null(strstr(text, "label=\"a\\\"]; x [label=\\\"\"];\n"));
    cr_assert_not_null(strstr(text, "label=\"b\\\\\"];\n"));
    cr_assert_not_null(strstr(text, "label=\"c??d<b>\\\\N\"];\n"));
    free(text);
}

/* Goal: without graphviz there is a tree to read, with what each realm provides and is connected to. */
Test(graph_text, list)
{
    char *text = print(load(REALMS, SERVICES, CHANNELS, CAPS), graph_text_list);
    cr_assert_str_eq(text, "app (running)\n"
                           "  worker (running)\n"
                           "      connected to database of db\n"
                           "db (dormant)\n"
                           "    provides database\n");
    free(text);
}

/* Goal: realms that claim to be each other's parents, and one without a name, do not hang it. */
Test(graph_text, circles)
{
    char *text = print(load("[{\"realm\":\"a\",\"parent\":\"b\",\"state\":\"x\"},"
                            "{\"realm\":\"b\",\"parent\":\"a\",\"state\":\"x\"},"
                            "{\"realm\":\"\",\"parent\":\"\",\"state\":\"x\"}]",
                            "[]", "[]", "[]"),
                       graph_text_list);
    cr_assert_not_null(text);
    free(text);
}
