#include "heimnetz/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t said;
static struct sigaction before;

static void note(int number)
{
    (void)number;
    said = 1;
}

void heimnetz_interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = note};
    said = 0;
    sigaction(SIGINT, &action, &before);
}

void heimnetz_interrupt_unwatch(void)
{
    sigaction(SIGINT, &before, NULL);
}

bool heimnetz_interrupt_said(void)
{
    return said != 0;
}

void heimnetz_interrupt_forget(void)
{
    said = 0;
}
