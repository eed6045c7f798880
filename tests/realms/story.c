/*
 * story ROLE: a realm of the story of capabilities (story.h).
 */
#include "tests/realms/story.h"

static void print(void *context, const char *line)
{
    (void)context;
    puts(line);
}

int main(int argc, char **argv)
{
    struct story story = {.say = print};
    setvbuf(stdout, NULL, _IOLBF, 0);
    return argc > 1 && story_play(&story, argv[1]) == 0 ? 0 : 1;
}
