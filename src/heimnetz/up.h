/* src/heimnetz/up.h - the model server is started where it does not run, as `heimnetz up` does. Thread: main. */
#ifndef HEIMNETZ_UP_H
#define HEIMNETZ_UP_H

#include "heimnetz/command.h"

/* Starts the model server at the port where h looks for it, tells of it on standard error, and makes h's client its
 * client. Errors as heimnetz_control_start. */
KIT_MUST_CHECK enum kit_status heimnetz_up(struct heimnetz *h, struct kit_err *err);

#endif
