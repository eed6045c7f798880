/* hello_service: greets whoever says a name. docs/tutorial.md builds it step by step. */
#include <realm/realm.h>
#include <stdio.h>

static void greet(struct realm *realm, const struct realm_request *request, void *context)
{
    char text[128];
    int size = snprintf(text, sizeof text, "hello, %.*s!", (int)(request->size < 64 ? request->size : 64),
                        (const char *)request->data);

    (void)context;
    realm_reply(realm, request->token, 0, 0, text, (size_t)size);
}

int main(void)
{
    struct realm *realm = NULL;
    int error = realm_open(&realm);

    if (error == 0)
        error = realm_register(realm, "hello", greet, NULL, NULL);
    if (error == 0)
        error = realm_run(realm);
    realm_close(realm);
    return error != 0;
}
