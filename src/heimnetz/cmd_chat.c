/* heimnetz chat MODEL. */
#include "heimnetz/talk.h"

int heimnetz_cmd_chat(struct heimnetz *h)
{
    return heimnetz_talk(h, h->words[0]);
}
