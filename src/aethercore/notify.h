/* src/aethercore/notify.h - tells systemd what we do (sd_notify(3): a datagram to $NOTIFY_SOCKET). Without the variable
 * nothing happens. Thread: main. */
#ifndef AETHERCORE_NOTIFY_H
#define AETHERCORE_NOTIFY_H

/* state: lines such as "READY=1", "STOPPING=1", and the address with the first. */
void aethercore_notify(const char *state);

#endif
