/* The words of a case's text. */
#include "tools/fuzz/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const words_rights[9] = {"send",   "recv", "grant", "mint", "revoke",
                                     "manage", "read", "write", "exec"};
const char *const words_resources[6] = {"realms", "channels",    "capabilities",
                                        "memory", "descriptors", "requests"};
const char *const words_modes[3] = {"copy", "mint", "move"};

int words_find(const char *const *list, size_t count, const char *word, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == size && memcmp(list[i], word, size) == 0)
            return (int)i;
    return -1;
}

void words_print_rights(uint32_t rights, char *ret_text, size_t size)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (unsigned i = 0; i < 9 && used < size; i++)
        if (rights >> i & 1)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? "," : "", words_rights[i]);
    if (rights >> 9 && used < size)
        used += (size_t)snprintf(ret_text + used, size - used, "%s%u", used ? "," : "", rights >> 9 << 9);
    if (used == 0)
        snprintf(ret_text, size, "0");
}

bool words_parse_number(const char *text, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    *ret_number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool words_parse_rights(const char *text, uint32_t *ret_rights)
{
    uint32_t rights = 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        int right = words_find(words_rights, 9, text, size);
        if (right >= 0) {
            rights |= 1u << right;
        } else {
            char number[16];
            uint64_t value;
            if (size >= sizeof number)
                return false;
            memcpy(number, text, size);
            number[size] = '\0';
            if (!words_parse_number(number, &value) || value > UINT32_MAX)
                return false;
            rights |= (uint32_t)value;
        }
        text += size;
        text += *text == ',';
    }
    *ret_rights = rights;
    return true;
}
