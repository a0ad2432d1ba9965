/* SPDX-License-Identifier: MIT */
/* Plugins that the gate must refuse. DEFECT_… says what is wrong with this one. */
#include <ipc/plugin.h>

#include <string.h>

static int check(const ipc_address *address, ipc_error *error)
{
    (void)address, (void)error;
    return 0;
}

#ifdef DEFECT_TABLE
static const ipc_queue_v1 queue = {.size = sizeof queue};
#endif

static const void *capability(const char *name)
{
#ifdef DEFECT_TABLE
    if (strcmp(name, IPC_QUEUE_1) == 0)
        return &queue;
#endif
    (void)name;
    return NULL;
}

#ifdef DEFECT_INIT
static int init(const ipc_host *host, ipc_error *error)
{
    (void)host;
    error->code = 19;
    strcpy(error->text, "there is no such device");
    return -19;
}
#endif

static const ipc_plugin plugin = {
    .size = sizeof plugin,
    .abi = IPC_ABI,
    .id = DEFECT_NAME,
    .summary = "must be refused",
    .version = "1.0",
    .capability = capability,
    .check = check,
#ifdef DEFECT_ABI
    .abi = IPC_ABI + 1,
#endif
#ifdef DEFECT_SIZE
    .size = offsetof(ipc_plugin, capability),
#endif
#ifdef DEFECT_ID
    .id = "another",
#endif
#ifdef DEFECT_POINTER
    .capability = NULL,
#endif
#ifdef DEFECT_INIT
    .init = init,
#endif
};

#ifndef DEFECT_ENTRY
__attribute__((visibility("default")))
#endif
const ipc_plugin *
ipc_plugin_entry(void);
const ipc_plugin *ipc_plugin_entry(void)
{
#ifdef DEFECT_NULL
    return NULL;
#endif
    return &plugin;
}
