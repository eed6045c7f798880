/*
 * Coroutines: a stack each, switched by swapcontext. The address sanitizer is told of every switch, since it
 * keeps a shadow of the stack in use.
 */
#include "librealm/os/sim/world.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

#ifdef ASAN
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

/* Before a switch to the stack at bottom; where this side's own fake stack is kept, or NULL for good. */
static void leave(void **ret_fake_stack, const void *bottom, size_t bytes)
{
#ifdef ASAN
    __sanitizer_start_switch_fiber(ret_fake_stack, bottom, bytes);
#else
    (void)ret_fake_stack, (void)bottom, (void)bytes;
#endif
}

/* After a switch back to this side, or to a new stack (fake_stack NULL); tells which one was left. */
static void arrive(void *fake_stack, const void **ret_bottom, size_t *ret_bytes)
{
#ifdef ASAN
    __sanitizer_finish_switch_fiber(fake_stack, ret_bottom, ret_bytes);
#else
    (void)fake_stack, (void)ret_bottom, (void)ret_bytes;
#endif
}

static void forgive_leaks(bool on)
{
#ifdef ASAN
    if (on)
        __lsan_disable();
    else
        __lsan_enable();
#else
    (void)on;
#endif
}

/* makecontext passes ints: a pointer goes in two halves. */
static void start(unsigned high, unsigned low)
{
    struct sim_fiber *fiber = (struct sim_fiber *)((uintptr_t)high << 32 | (uintptr_t)low);
    arrive(NULL, &fiber->caller_stack, &fiber->caller_stack_bytes);
    fiber->main(fiber->argument);
    leave(NULL, fiber->caller_stack, fiber->caller_stack_bytes);
    setcontext(&fiber->caller);
}

void sim_fiber_init(struct sim_fiber *fiber, void (*main)(void *argument), void *argument)
{
    *fiber = (struct sim_fiber){.main = main, .argument = argument};
    fiber->stack = sim_alloc(SIM_STACK_BYTES);
    if (getcontext(&fiber->context) != 0)
        abort();
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = SIM_STACK_BYTES;
    fiber->context.uc_link = NULL;
    uintptr_t self = (uintptr_t)fiber;
    makecontext(&fiber->context, (void (*)(void))start, 2, (unsigned)(self >> 32), (unsigned)self);
}

void sim_fiber_deinit(struct sim_fiber *fiber)
{
    free(fiber->stack);
    fiber->stack = NULL;
}

void sim_fiber_resume(struct sim_fiber *fiber)
{
    if (fiber->doomed)
        forgive_leaks(true);
    leave(&fiber->caller_fake_stack, fiber->stack, SIM_STACK_BYTES);
    if (swapcontext(&fiber->caller, &fiber->context) != 0)
        abort();
    arrive(fiber->caller_fake_stack, NULL, NULL);
    if (fiber->doomed)
        forgive_leaks(false);
}

void sim_fiber_yield(struct sim_fiber *fiber)
{
    leave(&fiber->fake_stack, fiber->caller_stack, fiber->caller_stack_bytes);
    if (swapcontext(&fiber->context, &fiber->caller) != 0)
        abort();
    arrive(fiber->fake_stack, &fiber->caller_stack, &fiber->caller_stack_bytes);
}
