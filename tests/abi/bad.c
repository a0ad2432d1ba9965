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

#ifdef DEFECT_CUT
/* Complete, but for a size that ends inside of the last function. */
static int create(const ipc_address *address, uint64_t bytes, const ipc_ownership *ownership, ipc_segment **segment,
                  ipc_error *error)
{
    (void)address, (void)bytes, (void)ownership, (void)segment, (void)error;
    return -1;
}

static int open_segment(const ipc_address *address, uint32_t access, ipc_segment **segment, ipc_error *error)
{
    (void)address, (void)access, (void)segment, (void)error;
    return -1;
}

static int status(ipc_segment *segment, ipc_segment_status *status, ipc_error *error)
{
    (void)segment, (void)status, (void)error;
    return -1;
}

static int map(ipc_segment *segment, ipc_mapping *mapping, ipc_error *error)
{
    (void)segment, (void)mapping, (void)error;
    return -1;
}

static void close_segment(ipc_segment *segment) { (void)segment; }

static const ipc_segment_v1 segment = {
    .size = offsetof(ipc_segment_v1, close) + 4,
    .create = create,
    .open = open_segment,
    .status = status,
    .map = map,
    .close = close_segment,
};
#endif

#ifdef DEFECT_KEY
static const ipc_parameter_info parameters[] = {{NULL, NULL, "a key without a name"}};
#endif

static const void *capability(const char *name)
{
#ifdef DEFECT_CUT
    if (strcmp(name, IPC_SEGMENT_1) == 0)
        return &segment;
#endif
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
#ifdef DEFECT_PARAMETERS
    .parameter_count = 2,
#endif
#ifdef DEFECT_KEY
    .parameters = parameters,
    .parameter_count = 1,
#endif
};

#ifdef DEFECT_ENTRY
#define ipc_plugin_entry another_entry
const ipc_plugin *another_entry(void);
#endif
const ipc_plugin *ipc_plugin_entry(void)
{
#ifdef DEFECT_NULL
    return NULL;
#endif
    return &plugin;
}
