/* hello_client [NAME]: says a name to the service "hello" and prints what it answers. */
#include <realm/realm.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "world";
    char text[128];
    struct realm_reply reply = {.data = text, .capacity = sizeof text};
    struct realm *realm = NULL;
    struct realm_channel *hello;
    int error = realm_open(&realm);

    if (error == 0)
        error = realm_connect(realm, "hello", 5 * REALM_SEC, &hello);
    if (error == 0)
        error = realm_call(hello, 1, name, strlen(name), &reply, REALM_SEC);
    if (error == 0)
        printf("%.*s\n", (int)reply.size, text);
    else
        fprintf(stderr, "client: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}
