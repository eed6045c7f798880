/* Chooses the mutant that the environment names. */
#include <stdlib.h>

unsigned mutant;

__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("MUTANT");
    mutant = number ? (unsigned)atoi(number) : 0;
}
