/*
 * Matching without recursion: where a wildcard stood, matching goes on at the shortest run that it can stand
 * for, and falls back to the last wildcard with a longer one. That is enough, as what an earlier wildcard
 * stood for can always be left as short as it was; and it bounds the work by the product of the two lengths.
 */
#include "mm/policy/patterns.h"

static size_t component_size(struct policy_name pattern, size_t at)
{
    size_t end = at;
    while (end < pattern.size && pattern.text[end] != '/')
        end += pattern.text[end] == '\\' ? 2 : 1;
    return end - at;
}

bool policy_pattern_valid(struct policy_name pattern)
{
    if (pattern.size == 0 || pattern.size > POLICY_PATTERN_MAX || pattern.text[0] != '/')
        return false;
    if (pattern.size == 1)
        return true;
    for (size_t at = 1; at <= pattern.size;) {
        size_t size = component_size(pattern, at);
        if (size == 0 || at + size > pattern.size)
            return false;
        at += size + 1;
    }
    return true;
}

/* One component of a pattern, or nothing, against one name, which is never empty. */
static bool component_matches(struct policy_name glob, struct policy_name name)
{
    size_t at = 0, in_name = 0, after_star = 0, star_in_name = 0;
    bool star = false;
    while (in_name < name.size || at < glob.size) {
        if (at < glob.size && glob.text[at] == '*') {
            star = true;
            after_star = ++at;
            star_in_name = in_name;
            continue;
        }
        if (at < glob.size && in_name < name.size) {
            size_t escape = glob.text[at] == '\\';
            if (glob.text[at + escape] == name.text[in_name]) {
                at += 1 + escape;
                in_name++;
                continue;
            }
        }
        if (!star || star_in_name == name.size)
            return false;
        at = after_star;
        in_name = ++star_in_name;
    }
    return true;
}

static bool is_any_components(struct policy_name glob)
{
    return glob.size == 2 && glob.text[0] == '*' && glob.text[1] == '*';
}

bool policy_pattern_matches(struct policy_name pattern, const struct policy_name *components, size_t count)
{
    size_t at = 1, matched = 0, after_any = 0, any_matched = 0;
    bool any = false;
    while (matched < count || at < pattern.size) {
        struct policy_name glob = {NULL, 0};
        if (at < pattern.size)
            glob = (struct policy_name){pattern.text + at, component_size(pattern, at)};
        if (is_any_components(glob)) {
            any = true;
            at += glob.size + 1;
            after_any = at;
            any_matched = matched;
            continue;
        }
        if (matched < count && component_matches(glob, components[matched])) {
            at += glob.size + 1;
            matched++;
            continue;
        }
        if (!any || any_matched == count)
            return false;
        at = after_any;
        matched = ++any_matched;
    }
    return true;
}
