/* SPDX-License-Identifier: MIT */
/* toy-c: a plugin in plain C11. It has one segment, toy-c:greeting, that can be read and listed. */
#include <ipc/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ipc_segment {
    uint32_t access;
};

static char greeting[] = "hello from C\n";
static struct ipc_segment only;

static int fail(ipc_error *error, int code, const char *text)
{
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s", text);
    return -code;
}

static int is_greeting(const ipc_address *address) { return strcmp(address->name, "greeting") == 0; }

static int check(const ipc_address *address, ipc_error *error)
{
    return address->name[0] ? 0 : fail(error, EINVAL, "a name has at least one letter, as in toy-c:greeting");
}

static int create(const ipc_address *address, uint64_t bytes, const ipc_ownership *ownership, ipc_segment **segment,
                  ipc_error *error)
{
    (void)bytes, (void)ownership, (void)segment;
    if (is_greeting(address))
        return fail(error, EEXIST, "there is one already");
    return fail(error, ENOTSUP, "a toy makes no segments (use toy-c:greeting)");
}

static int open_segment(const ipc_address *address, uint32_t access, ipc_segment **segment, ipc_error *error)
{
    if (!is_greeting(address))
        return fail(error, ENOENT, "there is none of that name");
    only.access = access;
    *segment = &only;
    return 0;
}

static int status(ipc_segment *segment, ipc_segment_status *status, ipc_error *error)
{
    (void)segment, (void)error;
    status->descriptor = -1;
    status->bytes = sizeof greeting - 1;
    status->page_size = 4096;
    return 0;
}

static int map(ipc_segment *segment, ipc_mapping *mapping, ipc_error *error)
{
    (void)segment, (void)error;
    mapping->address = greeting;
    mapping->length = sizeof greeting - 1;
    return 0;
}

static void close_segment(ipc_segment *segment) { (void)segment; }

static int look(const ipc_address *address, ipc_emit_object emit, void *context, ipc_error *error)
{
    if (!is_greeting(address))
        return fail(error, ENOENT, "there is none of that name");
    ipc_object object;
    ipc_object_clear(&object);
    object.name = "greeting";
    object.capacity = sizeof greeting - 1;
    object.identity.number = 1;
    emit(context, &object);
    return 0;
}

static int list(ipc_emit_object emit, void *context, ipc_error *error)
{
    const ipc_address address = {sizeof address, 0, "greeting", NULL};
    return look(&address, emit, context, error);
}

static const ipc_segment_v1 segment = {
    .size = sizeof segment,
    .create = create,
    .open = open_segment,
    .status = status,
    .map = map,
    .close = close_segment,
};

static const ipc_inspect_v1 inspect = {.size = sizeof inspect, .list = list, .look = look};

static const void *capability(const char *name)
{
    if (strcmp(name, IPC_SEGMENT_1) == 0)
        return &segment;
    return strcmp(name, IPC_INSPECT_1) == 0 ? &inspect : NULL;
}

static const ipc_plugin plugin = {
    .size = sizeof plugin,
    .abi = IPC_ABI,
    .id = "toy-c",
    .summary = "a toy in C",
    .version = "1.0",
    .capability = capability,
    .check = check,
};

const ipc_plugin *ipc_plugin_entry(void) { return &plugin; }
