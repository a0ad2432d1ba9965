/* SPDX-License-Identifier: MIT */
/* Bring up the loopback of a new network namespace, which begins down. A bare system has no command for it. */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <net/if.h>
#include <stdio.h>

int main(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    if (any < 0 || ioctl(any, SIOCSIFFLAGS, &loopback) != 0) {
        perror("loopback_up");
        return 1;
    }
    return 0;
}
