/* hello_service: answers whoever says its name. docs/tutorial.md builds it step by step. */
#include <realm/realm.h>

#include <stdio.h>

enum { HELLO_GREET = 1 }; /* the operations of this service are its own affair */

static void greet(struct realm *realm, const struct realm_request *request, void *context)
{
    unsigned *greeted = context;
    char text[128];
    int size;

    if (request->op != HELLO_GREET || request->size > 64) {
        realm_reply(realm, request->token, 1, 0, NULL, 0); /* a verdict of our own: not understood */
        return;
    }
    size = snprintf(text, sizeof text, "hello, %.*s!", (int)request->size, (const char *)request->data);
    realm_reply(realm, request->token, 0, ++*greeted, text, (size_t)size);
}

int main(void)
{
    struct realm *realm = NULL;
    unsigned greeted = 0;
    int error = realm_open(&realm);

    if (error == 0)
        error = realm_register(realm, "hello", greet, &greeted, NULL);
    if (error == 0)
        error = realm_run(realm); /* until the system stops */
    if (error != 0)
        fprintf(stderr, "hello_service: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}
