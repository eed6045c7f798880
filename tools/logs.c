/* `realm logs`: what realms have printed, and with -f what they go on to print. */
#include "tools/client.h"
#include "tools/print.h"

static void print_line(const json_t *line)
{
    const char *realm = json_string_value(json_object_get(line, "realm"));
    const char *stream = json_string_value(json_object_get(line, "stream"));
    const char *text = json_string_value(json_object_get(line, "text"));
    printf("%9.3f  ", (double)json_integer_value(json_object_get(line, "t_ns")) / 1e9);
    print_text(stdout, realm ? realm : "?");
    fputs(" ", stdout);
    print_text(stdout, stream ? stream : "?");
    fputs(": ", stdout);
    print_text(stdout, text ? text : "");
    putchar('\n');
}

static void print_lines(const json_t *lines)
{
    for (size_t i = 0; i < json_array_size(lines); i++)
        print_line(json_array_get(lines, i));
}

static json_t *request_of(const struct arguments *arguments)
{
    json_t *request = json_pack("{s:s}", "command", "logs");
    if (request && arguments->operands_count > 0)
        json_object_set_new(request, "realm", json_string(arguments->operands[0]));
    if (request && arguments_has(arguments, "--follow"))
        json_object_set_new(request, "follow", json_true());
    return request;
}

/* One object of the stream: a line of a log, or an answer that refuses or holds the lines so far. */
static int take(const struct arguments *arguments, const json_t *object)
{
    const json_t *lines = NULL;
    if (json_object_get(object, "ok") && !(lines = client_result(object)))
        return EXIT_FAILED;
    bool json = arguments_has(arguments, "--json");
    int status = EXIT_FINE;
    if (!lines && json)
        status = print_json(stdout, object);
    else if (!lines)
        print_line(object);
    else if (!json)
        print_lines(lines);
    for (size_t i = 0; json && !status && i < json_array_size(lines); i++)
        status = print_json(stdout, json_array_get(lines, i));
    return status;
}

/* Until the system ends, or the reader of our output does. */
static int follow(const struct arguments *arguments)
{
    struct client *client = NULL;
    int status = client_open(arguments, &client);
    if (!status)
        status = client_send(client, request_of(arguments));
    json_t *object = NULL;
    while (!status && !(status = client_receive(client, true, &object)) && object) {
        status = take(arguments, object);
        json_decref(object);
        if (!status && fflush(stdout) != 0)
            status = EXIT_FAILED;
    }
    client_close(client);
    return status;
}

int logs_main(const struct arguments *arguments)
{
    if (arguments_has(arguments, "--follow"))
        return follow(arguments);
    json_t *lines = NULL;
    int status = client_ask(arguments, request_of(arguments), &lines);
    if (status)
        return status;
    if (arguments_has(arguments, "--json"))
        status = print_json(stdout, lines);
    else
        print_lines(lines);
    json_decref(lines);
    return status;
}
