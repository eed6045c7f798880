/*
 * The realm itself: opening it, closing it, who it is, its files and its log.
 *
 * Opening says hello and waits for the welcome, which brings the realm's id and name, the size of regions,
 * and the control page. No waiter is opened yet: a realm that only calls never needs one.
 */
#include "librealm/client/capability.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "librealm/core/stop_point.h"

#define LOG_LINE_MAX 1024u

static int say_hello(struct realm *realm)
{
    struct realm_control_hello hello = {.waiter = (uint32_t)realm_waiter_choice(realm->os)};
    struct realm_ask ask = {0};
    uint64_t deadline_ns = realm_deadline(realm, REALM_HELLO_TIMEOUT_NS);
    int error = realm_control_ask(realm, &ask, &hello, REALM_CONTROL_HELLO, deadline_ns, false);
    if (error)
        return error;
    return ask.status ? ask.status : realm->page ? 0 : REALM_E_PROTOCOL;
}

int realm_open(struct realm **ret_realm)
{
    struct realm *realm = calloc(1, sizeof *realm);
    if (!realm)
        return -ENOMEM;
    realm_list_init(&realm->endpoints);
    realm_list_init(&realm->channels);
    realm_list_init(&realm->memories);
    realm_list_init(&realm->timers);
    realm_list_init(&realm->left);
    realm_list_init(&realm->calling);
    realm_list_init(&realm->calling_parked);
    realm_list_init(&realm->due);
    realm_list_init(&realm->ended);
    realm_list_init(&realm->crews);
    REALM_STOP_POINT("loading");
    int error = realm_os_open(&realm->os);
    if (error) {
        free(realm);
        return error;
    }
    realm->cpus = realm_os_cpus(realm->os);
    error = say_hello(realm);
    if (error) {
        realm_close(realm);
        return error;
    }
    *ret_realm = realm;
    return 0;
}

void realm_close(struct realm *realm)
{
    if (!realm)
        return;
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next)
        realm_workers_end(REALM_LIST_OF(at, struct realm_endpoint, of_realm));
    realm_pending_close(realm);
    /* First the waiter, with all its armed waits at once: the memory that they wait on goes next. */
    realm_waiter_close(realm->waiter);
    realm->waiter = NULL;
    while (!realm_list_empty(&realm->endpoints))
        realm_endpoint_free(REALM_LIST_OF(realm->endpoints.next, struct realm_endpoint, of_realm));
    while (!realm_list_empty(&realm->channels))
        realm_channel_free(REALM_LIST_OF(realm->channels.next, struct realm_channel, of_realm));
    realm_memory_close(realm);
    realm_timer_free_all(realm);
    realm_pool_close(realm);
    realm_view_end(realm);
    free(realm->viewing.bounce);
    free(realm->tokens.entries);
    free(realm->slots);
    if (realm->page)
        realm_os_unmap(realm->os, (void *)(uintptr_t)realm->page, sizeof *realm->page);
    realm_os_close(realm->os);
    free(realm);
}

const char *realm_name(const struct realm *realm)
{
    return realm->name;
}

struct realm_id realm_self(const struct realm *realm)
{
    return realm->id;
}

uint64_t realm_now_ns(const struct realm *realm)
{
    return realm_os_now_ns(realm->os);
}

int realm_file(const struct realm *realm, const char *name)
{
    return realm_os_file(realm->os, name);
}

void realm_log(struct realm *realm, const char *format, ...)
{
    /* One write a line, so that lines of several writers do not mix; a line feed within would make two. */
    char line[LOG_LINE_MAX + 1u];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line, LOG_LINE_MAX, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return;
    size_t size = (size_t)wanted < LOG_LINE_MAX ? (size_t)wanted : LOG_LINE_MAX - 1u;
    while (size > 0 && line[size - 1u] == '\n')
        size--;
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\n')
            line[i] = ' ';
    }
    line[size++] = '\n';
    realm_os_log(realm->os, line, size);
}
