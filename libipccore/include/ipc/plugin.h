/* SPDX-License-Identifier: MIT */
/*
 * ipc/plugin.h - the boundary between the ipcutils commands and the plugins that serve mechanisms.
 *
 * A plugin is a shared object ipc-MECHANISM.so that exports one function, ipc_plugin_entry(). It returns
 * the address of a constant descriptor, from which the host asks for capabilities: tables of functions
 * found by a versioned name. This header is C11 and needs nothing but the freestanding integer types, so a
 * plugin may be written in any language that can lay out a C structure. C++ authors include ipc/plugin.hpp
 * and its neighbours, which build the tables from a class.
 *
 * Rules that hold for everything below
 *
 *   Growth      Every structure that crosses by itself starts with its size in bytes, as its maker knew it (what
 *               only stands inside another one never grows: ipc_identity, ipc_parameter, ipc_parameter_info). New
 *               members are only appended; a reader treats what lies beyond the size as zero, or for a
 *               function pointer as absent. Names of capabilities carry their version.
 *   Results     A function that can fail returns 0 or a negative errno value, and then has filled the
 *               caller's ipc_error. Timeouts and emptiness are errors too: -EAGAIN (would block, empty,
 *               full), -ETIMEDOUT, -EINTR (the host asked to stop waiting).
 *   Ownership   An ipc_segment, ipc_queue, ipc_stream or ipc_semaphore belongs to the plugin that made it and is given
 *               back by that plugin's close(). Nothing else that is allocated crosses: payloads go into the caller's
 *               buffers, lists leave one record at a time through a callback, and pointers inside a record
 *               are valid only until the callback returns.
 *   Closing     close() gives up this process's hold. It never removes the object: that is remove().
 *   Threads     The host calls a plugin from one thread at a time. A plugin starts no thread.
 *   Conduct     A plugin does not print, exit, change signal dispositions or throw across the boundary,
 *               and is never unloaded.
 *   Looking     list(), look(), claim(), describe() and parties() change nothing that another process could notice:
 *               no attaching, no opening of a FIFO, no mount, no foreign lock.
 *   Text        Names come from other users and may hold any byte but NUL. The host makes them printable;
 *               a plugin need not name the object in error texts, which the host puts in front of them.
 */
#ifndef IPC_PLUGIN_H
#define IPC_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Seen from outside, also where all other symbols are hidden. */
#if defined(__GNUC__)
#define IPC_EXPORTED __attribute__((visibility("default")))
#else
#define IPC_EXPORTED
#endif

/* Version of the rules above and of the entry. A plugin built for another one is refused. */
#define IPC_ABI 1u

/* "Not known", for every uint64_t member of a record that describes an object. It is shown as `?`. */
#define IPC_UNKNOWN UINT64_MAX
/* The same for points in time (int64_t, nanoseconds since 1970-01-01 00:00 UTC). */
#define IPC_NO_TIME INT64_MIN
/* Timeouts are int64_t nanoseconds from now: 0 tries once, IPC_FOREVER waits without limit. */
#define IPC_FOREVER (-1)

/* What went wrong. The caller owns it and sets `size`; the callee fills `code` and `text`. */
typedef struct ipc_error {
    uint32_t size;
    int32_t code;   /* errno value, positive */
    char text[496]; /* what happened and, in brackets, what to do; UTF-8, NUL-terminated, no final newline */
} ipc_error;

/* One `key=value` of an address. Both NUL-terminated; `value` is "" for a bare key. */
typedef struct ipc_parameter {
    const char *key;
    const char *value;
} ipc_parameter;

/* The part of an address behind the mechanism, already decoded. Owned by the host, valid during the call. */
typedef struct ipc_address {
    uint32_t size;
    uint32_t parameter_count;
    const char *name; /* NUL-terminated, any other byte allowed */
    const ipc_parameter *parameters;
} ipc_address;

/* A key that addresses of this mechanism may carry. */
typedef struct ipc_parameter_info {
    const char *key;   /* "huge" */
    const char *value; /* form of the value for help, "SIZE"; NULL for a switch, 0 or 1; check() must see to it */
    const char *help;  /* one phrase: "use huge pages of this size" */
} ipc_parameter_info;

/* Access to an object, alone or together. */
enum { IPC_READ = 1u, IPC_WRITE = 2u };

/*
 * Which object this is, beyond its name: two looks with equal identities saw the same object.
 * (space, device, number) is what a mapping or descriptor shows as well, and is how holders are joined;
 * `birth` tells a re-used number apart and is compared only before a removal.
 */
typedef struct ipc_identity {
    uint64_t space;  /* inode of the namespace that numbers such objects, 0 if `device` is unique already */
    uint64_t device; /* st_dev as stat(2) gives it, 0 if the mechanism has none */
    uint64_t number; /* inode or identifier */
    int64_t birth;   /* time of birth, else of the last change of status; IPC_NO_TIME if neither is known */
} ipc_identity;

/* ---- the host's services, handed to init() ---------------------------------------------------------- */

typedef struct ipc_host {
    uint32_t size;
    uint32_t abi;
    /* Tell the user something that is no error, in one sentence. Copied, and within one look told once. */
    void (*notice)(const char *text);
    /* Nonzero once the user asked the command to stop (SIGINT, SIGTERM), or the command has something else to do. A
     * wait that fails with EINTR asks this: nonzero means return -EINTR, zero means go on waiting. Signals that arrive
     * just before the wait are repeated, so a wait never misses one. */
    int (*interrupted)(void);
    /* For system calls that wait but take no timeout (msgrcv, semop). From `timeout` nanoseconds on,
     * the calling thread's waits fail with EINTR, again and again, until deadline(IPC_FOREVER) ends it.
     * Compare the clock to learn whether it was the deadline. */
    void (*deadline)(int64_t timeout);
    /* Call work(context), which touches the `length` bytes of shared memory at `memory` or hands them to a
     * library. Other processes may take such memory away (SIGBUS) or leave in it what makes a library wait for
     * ever; then `work` is given up where it is and the answer is -EFAULT, or -ETIMEDOUT some time after
     * `timeout` nanoseconds. It owns nothing, since nothing on its stack is destroyed. 0 once it returned.
     * Calls may be nested, a timed one innermost. Absent in older hosts. */
    int (*attempt)(const void *memory, uint64_t length, int64_t timeout, void (*work)(void *context), void *context);
} ipc_host;

/* ---- the descriptor --------------------------------------------------------------------------------- */

/* What holds for a mechanism as a whole. */
enum {
    IPC_PLUGIN_PATHS = 1u /* names are paths of files, which shells complete */
};

typedef struct ipc_plugin {
    uint32_t size;
    uint32_t abi;        /* IPC_ABI */
    const char *id;      /* the mechanism, "posix-shm": the file is ipc-<id>.so */
    const char *summary; /* "POSIX shared memory" */
    const char *version; /* of the plugin, "1.0" */

    /* The keys that this mechanism's addresses take; the host refuses others, and takes `seq` of segments
     * and `frame` of streams for itself. May be NULL, 0. */
    const ipc_parameter_info *parameters;
    uint32_t parameter_count;
    uint32_t flags; /* IPC_PLUGIN_… */

    /* Called once, before anything else. `host` lives as long as the process. May be NULL. */
    int (*init)(const ipc_host *host, ipc_error *error);
    /* The table of a capability (IPC_SEGMENT_1 …), constant and valid for ever; NULL if not offered. */
    const void *(*capability)(const char *name);
    /* Is this a well-formed address of the mechanism? Called before the address is used for anything;
     * a refusal (-EINVAL) is a usage error, and its text says what a right one looks like. */
    int (*check)(const ipc_address *address, ipc_error *error);
    /* Remove the object of that name; those who hold it keep it until they let go. If `expected` is not
     * NULL, only the object with that identity may go: -ESTALE if the name now means another one. NULL
     * if the mechanism's objects cannot be removed. Without IPC_INSPECT_1, by which the host learns whether somebody
     * holds an object, only who forces it removes one. */
    int (*remove)(const ipc_address *address, const ipc_identity *expected, ipc_error *error);
    /* The same, but only if nobody has the object at this moment, whether processes show that or not: -EBUSY if
     * somebody has, -ENOTSUP if that cannot be found out. `expected` is not NULL. With `trial` not 0 nothing is
     * removed, and 0 says that it would be. NULL if it can never be found out: then the host refuses to remove what it
     * does not know for certain to be unused, unless its user forces it. */
    int (*remove_unused)(const ipc_address *address, const ipc_identity *expected, uint32_t trial, ipc_error *error);
} ipc_plugin;

/* The one exported symbol of a plugin. */
IPC_EXPORTED const ipc_plugin *ipc_plugin_entry(void);

/* ---- ipc.segment/1: memory that several processes map ------------------------------------------------ */

#define IPC_SEGMENT_1 "ipc.segment/1"

typedef struct ipc_segment ipc_segment;

/* Who an object shall belong to and who may use it. */
typedef struct ipc_ownership {
    uint32_t size;
    uint32_t mode; /* permission bits, exactly these whatever the umask */
    int64_t owner; /* user id, -1 to leave it */
    int64_t group; /* group id, -1 to leave it */
} ipc_ownership;

/* An open segment. */
typedef struct ipc_segment_status {
    uint32_t size;
    int32_t descriptor; /* open on the memory at offset 0, as the segment is; -1 if there is none. Borrowed:
                           valid until close(). Its file offset is nobody's, use pread and the like. */
    uint64_t bytes;     /* its size now */
    uint64_t page_size;
    ipc_identity identity;
    const char *name; /* a name that reaches it, where the one it was created by does not (IPC_PRIVATE); else NULL.
                         Borrowed: valid until close() */
} ipc_segment_status;

typedef struct ipc_mapping {
    uint32_t size;
    uint32_t reserved;
    void *address; /* of the first byte of the segment */
    uint64_t length;
} ipc_mapping;

/* What segments of a mechanism are like. */
enum {
    /* A segment is gone when its last holder lets go: nobody finds it again by the name it was created under. */
    IPC_SEGMENT_TRANSIENT = 1u,
    /* They are memory with a descriptor, and any word may name one: the host may put messages into them that are too
     * large for a queue, see ipc/large_message.hpp. */
    IPC_SEGMENT_PAYLOADS = 2u
};

enum { IPC_PART_FREE = 1u /* not an object but the memory that is left for more; `name` and `type` are NULL */ };

/* One of the objects that lie inside a segment which has a structure of its own. */
typedef struct ipc_part {
    uint32_t size;
    uint32_t flags;   /* IPC_PART_… */
    const char *name; /* behind `#` in the address of the part alone; any byte but NUL */
    const char *type; /* what kind of object, as far as it is known; may be NULL */
    uint64_t offset;  /* of its first byte from the beginning of the segment; IPC_UNKNOWN if it has no one place */
    uint64_t bytes;   /* its length */
} ipc_part;

/* Receives one part; a nonzero answer ends the listing, which then returns 0. */
typedef int (*ipc_emit_part)(void *context, const ipc_part *part);

typedef struct ipc_segment_v1 {
    uint32_t size;
    uint32_t features; /* IPC_SEGMENT_… */
    /* Create a segment of `bytes` bytes, open for reading and writing. They are zero, or where list_parts()
     * is offered the structure of a segment with nothing in it. Exclusive: -EEXIST if there is one. Its memory
     * is reserved, so that -ENOSPC comes now and not as SIGBUS later; on any failure nothing is left behind. */
    int (*create)(const ipc_address *address, uint64_t bytes, const ipc_ownership *ownership, ipc_segment **segment,
                  ipc_error *error);
    /* Open an existing one; never creates, never blocks, never follows a planted link or FIFO. Where the address says
     * what it must be like to be made, and this one is less, that is an error which names both. */
    int (*open)(const ipc_address *address, uint32_t access, ipc_segment **segment, ipc_error *error);
    int (*status)(ipc_segment *segment, ipc_segment_status *status, ipc_error *error);
    /* Map all of it, as opened. The mapping lasts until close(); a second call returns the first one,
     * unless the segment was resized in between: then the old mapping is gone. */
    int (*map)(ipc_segment *segment, ipc_mapping *mapping, ipc_error *error);
    /* Give it another size, reserving what is added. NULL if the mechanism cannot. */
    int (*resize)(ipc_segment *segment, uint64_t bytes, ipc_error *error);
    void (*close)(ipc_segment *segment);
    /* All that was to be written, through the mapping or the descriptor, has been: do what the address asks for that
     * had to wait for it, such as making it last on a disk or forbidding changes. May end the mapping. Called once, by
     * whoever wrote. NULL if nothing ever waits. */
    int (*commit)(ipc_segment *segment, ipc_error *error);
    /* For segments that this process can neither map (map() then fails with -ENOTSUP) nor have a descriptor of: copy
     * up to `length` bytes from or to `offset`; `*count` is how many, fewer only at the end of the segment. NULL if
     * all of the mechanism's segments can be mapped or have a descriptor. */
    int (*read)(ipc_segment *segment, uint64_t offset, void *bytes, uint64_t length, uint64_t *count, ipc_error *error);
    int (*write)(ipc_segment *segment, uint64_t offset, const void *bytes, uint64_t length, uint64_t *count,
                 ipc_error *error);
    /* What lies in it. What it says of itself is checked against its real size, never believed. NULL if segments of
     * the mechanism are bytes and nothing more; -ENOTSUP for a segment that is one part of another. */
    int (*list_parts)(ipc_segment *segment, ipc_emit_part emit, void *context, ipc_error *error);
    /* As create(), for one who fills it: nobody finds it by its name before commit(), which answers -EEXIST if the name
     * was taken meanwhile, and what is closed before commit() has never been there. -EEXIST also now, if the name is
     * taken already; -ENOTSUP where this cannot be done: then create() may. NULL if the mechanism never can, or if what
     * it creates has no name. */
    int (*create_unnamed)(const ipc_address *address, uint64_t bytes, const ipc_ownership *ownership,
                          ipc_segment **segment, ipc_error *error);
} ipc_segment_v1;

/* ---- ipc.queue/1: a channel of whole messages -------------------------------------------------------- */

#define IPC_QUEUE_1 "ipc.queue/1"

typedef struct ipc_queue ipc_queue;

/* What a mechanism's messages carry beside their bytes, and what its queues can do. */
enum {
    IPC_QUEUE_PRIORITY = 1u, /* messages have a priority, the highest is received first */
    IPC_QUEUE_TYPE = 2u,     /* messages have a type, a positive number */
    IPC_QUEUE_FRONT = 4u,    /* put_back() puts a message in front of all others */
    IPC_QUEUE_MAPPED = 8u,   /* calls touch memory that others may take away: the host ends one that meets SIGBUS there
                                and then uses the queue no more, not even to close it */
    IPC_QUEUE_FILES = 16u    /* queues are files among others: one that may not be opened need not be a queue */
};

typedef struct ipc_queue_status {
    uint32_t size;
    uint32_t features;         /* IPC_QUEUE_… */
    uint64_t messages;         /* waiting now */
    uint64_t bytes;            /* waiting now; IPC_UNKNOWN where the mechanism does not say */
    uint64_t max_messages;     /* IPC_UNKNOWN if only bytes are limited */
    uint64_t max_bytes;        /* IPC_UNKNOWN if only messages are limited */
    uint64_t max_message_size; /* bytes of one message */
    ipc_identity identity;
    const char *name; /* as in ipc_segment_status */
    /* Messages that are in this process and lost with it: accepted by send() and waiting for flush(), or read ahead of
     * receive(), which returns them without waiting. 0 where neither is done. */
    uint64_t in_hand;
} ipc_queue_status;

/* One message. `fields` says which of priority and type count (IPC_QUEUE_PRIORITY, IPC_QUEUE_TYPE). */
typedef struct ipc_message {
    uint32_t size;
    uint32_t fields;
    void *bytes;       /* the caller's; not written when sending */
    uint64_t length;   /* sending: of the payload. Receiving: set to it */
    uint64_t capacity; /* receiving: room at `bytes`, at least max_message_size */
    uint32_t priority;
    uint32_t reserved;
    int64_t type;
} ipc_message;

/* What can be waited for. */
enum {
    IPC_WAIT_MESSAGE = 1u, /* a message waits; the queue is open for reading */
    IPC_WAIT_SPACE = 2u    /* one more is taken; the queue is open for writing */
};

typedef struct ipc_queue_v1 {
    uint32_t size;
    uint32_t features; /* as in ipc_queue_status, known before a queue is opened */
    /* Create a queue, exclusively (-EEXIST). 0 for either limit takes the mechanism's default; what no queue could
     * hold is refused. A limit that refuses is named, with its present and its needed value. */
    int (*create)(const ipc_address *address, uint64_t max_messages, uint64_t max_message_size,
                  const ipc_ownership *ownership, ipc_queue **queue, ipc_error *error);
    /* Open an existing one, as a segment's open(). */
    int (*open)(const ipc_address *address, uint32_t access, ipc_queue **queue, ipc_error *error);
    int (*status)(ipc_queue *queue, ipc_queue_status *status, ipc_error *error);
    /* Send one message. -EMSGSIZE names both sizes; -EINVAL for a priority or type out of range, or a
     * field that the mechanism has not (a priority 0 or type 1 that it has not is left out silently). */
    int (*send)(ipc_queue *queue, const ipc_message *message, int64_t timeout, ipc_error *error);
    /* Receive the next message that the address's parameters select. Once it has returned 0 the message
     * is the caller's alone. */
    int (*receive)(ipc_queue *queue, ipc_message *message, int64_t timeout, ipc_error *error);
    /* Copy the message at `index` (0 is the oldest) without taking it and without a trace; -ENOMSG behind
     * the last one. NULL if the mechanism cannot. */
    int (*peek)(ipc_queue *queue, uint64_t index, ipc_message *message, ipc_error *error);
    /* Return a received message that could not be delivered, without waiting; without IPC_QUEUE_FRONT it may come to
     * stand behind others of its priority or type. NULL if the mechanism cannot. */
    int (*put_back)(ipc_queue *queue, const ipc_message *message, ipc_error *error);
    void (*close)(ipc_queue *queue);
    /* Wait, taking nothing, until what IPC_WAIT_… names is so, or may be: the host looks again. Errors are those of
     * receive(). NULL if the kernel wakes nobody for that; the host then looks at status() from time to time. */
    int (*wait)(ipc_queue *queue, uint32_t what, int64_t timeout, ipc_error *error);
    /* Pass on what send() has accepted and kept, so that many messages cost one system call. The host calls it before
     * it waits for something else and before it closes; status() says how many are kept. A send() that finds no room
     * for more passes on what it kept first, and has not accepted its message if that fails. NULL if send() keeps
     * nothing. */
    int (*flush)(ipc_queue *queue, int64_t timeout, ipc_error *error);
    /* Send `count` messages, each as send() does it, `timeout` for each. `*sent`, which is 0 before, becomes how many
     * were; an error is about the next one. NULL if that is what calling send() so often does. */
    int (*send_many)(ipc_queue *queue, const ipc_message *messages, uint64_t count, uint64_t *sent, int64_t timeout,
                     ipc_error *error);
    /* Receive a message as receive() does, and then what there is without waiting: at most `count`, which is not 0.
     * The first of `messages` says where its bytes go and how many there may be, which is so for all of them. The bytes
     * of another lie `gap` bytes behind those of the one before, and begin less than `room` bytes behind the first.
     * `*received`, which is 0 before, becomes how many there are; an error only if there is none, so what ends a row of
     * them is met again by the next call. NULL if that is what calling receive() so often does. */
    int (*receive_many)(ipc_queue *queue, ipc_message *messages, uint64_t count, uint64_t room, uint64_t gap,
                        uint64_t *received, int64_t timeout, ipc_error *error);
} ipc_queue_v1;

/* ---- ipc.stream/1: a channel of bytes, which the host makes a queue of ------------------------------ */

#define IPC_STREAM_1 "ipc.stream/1"

/*
 * A plugin brings descriptors into being and says what they are like; the host alone reads, writes, waits and finds
 * where records end. A mechanism offers this or ipc.queue/1, not both.
 */
typedef struct ipc_stream ipc_stream;

/* What a channel is like. */
enum {
    IPC_STREAM_ACCEPTS = 1u, /* each sender has a channel of its own, which accept() gives */
    IPC_STREAM_RECORDS = 2u  /* the channel keeps records apart: one send(2), one recv(2); else it is bytes */
};

/* One end of a stream. */
typedef struct ipc_channel {
    uint32_t size;
    uint32_t features;  /* IPC_STREAM_… */
    int32_t descriptor; /* does not block. Borrowed: valid until close() */
    uint32_t reserved;
    uint64_t atomic;     /* senders share the channel, and up to so many bytes of one write(2) stay together;
                            0: it is this sender's alone. Where it is not 0 the host takes flock(2) on it */
    uint64_t max_record; /* bytes that one record may have; 0: the mechanism sets no limit */
    const char *name;    /* what reaches it, where the address leaves that open (port 0); else NULL. Borrowed */
} ipc_channel;

typedef struct ipc_stream_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Make what lasts between receivers, exclusively (-EEXIST), and say which object that is. NULL where there is
     * nothing before a receiver listens. */
    int (*create)(const ipc_address *address, const ipc_ownership *ownership, ipc_identity *identity, ipc_error *error);
    /* Become the receiver. -EADDRINUSE names who is, if that is known. What a dead receiver left behind is replaced,
     * and what has another kind never. The descriptor is what accept() takes from, or the channel of all senders. */
    int (*listen)(const ipc_address *address, ipc_stream **stream, ipc_channel *channel, ipc_error *error);
    /* Become a sender. -EAGAIN if nobody receives yet: the host asks again until its user's time is up. A plugin that
     * can wait for a receiver does so, up to `timeout`, as interrupted() asks. */
    int (*connect)(const ipc_address *address, int64_t timeout, ipc_stream **stream, ipc_channel *channel,
                   ipc_error *error);
    /* The channel of the next sender, which does not block and is the host's to close. -EAGAIN if there is none. NULL
     * where channels do not say IPC_STREAM_ACCEPTS. */
    int (*accept)(ipc_stream *stream, int32_t *descriptor, ipc_error *error);
    /* All senders of a shared channel are gone, and so its end was read: make the descriptor, under its number, wait
     * for the next ones. -ENODATA if the address asks to end there. NULL where a shared channel has no end. */
    int (*renew)(ipc_stream *stream, ipc_error *error);
    /* Ends what listen() made so that it can be made again, the name in the file system too. */
    void (*close)(ipc_stream *stream);
    /* Do senders that come now still find what listen() made? -EIDRM if its name was removed or is another one's. Asked
     * now and then while nobody sends; who has connected goes on. NULL where no name can be removed. */
    int (*find)(ipc_stream *stream, ipc_error *error);
} ipc_stream_v1;
/* ---- ipc.semaphore/1: who may go on, and who waits ---------------------------------------------------- */

#define IPC_SEMAPHORE_1 "ipc.semaphore/1"

typedef struct ipc_semaphore ipc_semaphore;

/* What semaphores of a mechanism can do. */
enum {
    IPC_SEMAPHORE_COUNTS =
        1u, /* have a value that wait() lowers and post() raises; else they are locks and nothing more */
    IPC_SEMAPHORE_SLOTS = 2u,     /* can be made for several that lock them at once */
    IPC_SEMAPHORE_SHARED = 4u,    /* can be locked by any number of processes that all ask for a shared lock */
    IPC_SEMAPHORE_RELEASED = 8u,  /* the kernel gives back what a process has locked the moment it dies; without, those
                                     who wait find out within a fraction of a second */
    IPC_SEMAPHORE_INHERITED = 16u /* what a process has locked stays locked as long as a process has the descriptor or
                                     the list of System V undo operations that it was locked with: the host shares
                                     both with a process that outlives this one */
};

/* What a semaphore is made for, which is what `value` of create() says. */
enum {
    IPC_PURPOSE_COUNT = 0u, /* wait() and post(), and lock() too: `value` may pass before the first has to wait */
    IPC_PURPOSE_LOCK = 1u,  /* lock(): `value` is how many may have it locked at once */
    IPC_PURPOSE_MEET = 2u   /* meet(): `value` is how many come together */
};

typedef struct ipc_semaphore_status {
    uint32_t size;
    uint32_t features;    /* IPC_SEMAPHORE_… */
    uint64_t value;       /* how many may pass now; of a lock 0 or 1 */
    uint64_t max_value;   /* a post() beyond it is refused */
    uint64_t waiters;     /* blocked on it; IPC_UNKNOWN where the mechanism does not count them */
    int64_t last_process; /* who has it locked, else who changed it last; 0 if nobody or not known */
    ipc_identity identity;
    const char *name; /* as in ipc_segment_status */
    uint32_t purpose; /* what it was made for, IPC_PURPOSE_…; IPC_PURPOSE_COUNT where nothing tells */
    uint32_t reserved;
    uint64_t number; /* what create() was told for that purpose; 0 with IPC_PURPOSE_COUNT */
} ipc_semaphore_status;

/* A handle is used by the process that made it, and in a child that it forks, or that shares its memory until it
 * becomes another program, by entrust() and close() alone. */
typedef struct ipc_semaphore_v1 {
    uint32_t size;
    uint32_t features; /* as in ipc_semaphore_status, known before one is opened */
    /* Create one, exclusively (-EEXIST), for a purpose (IPC_PURPOSE_…). Whoever opens it finds it initialised: there is
     * no moment in which it exists for them with another value. -ENOTSUP for a purpose, -EINVAL for a value that the
     * mechanism has not. */
    int (*create)(const ipc_address *address, uint32_t purpose, uint64_t value, const ipc_ownership *ownership,
                  ipc_semaphore **semaphore, ipc_error *error);
    /* Open an existing one for changing it, as a segment's open(). */
    int (*open)(const ipc_address *address, ipc_semaphore **semaphore, ipc_error *error);
    int (*status)(ipc_semaphore *semaphore, ipc_semaphore_status *status, ipc_error *error);
    /* Lower the value by `count`, all of it at once, waiting until that is possible. NULL without
     * IPC_SEMAPHORE_COUNTS, like the next two. */
    int (*wait)(ipc_semaphore *semaphore, uint64_t count, int64_t timeout, ipc_error *error);
    /* Raise it. -EOVERFLOW, and nothing is changed, if it would exceed the maximum. */
    int (*post)(ipc_semaphore *semaphore, uint64_t count, ipc_error *error);
    /* Wait until the value is 0. */
    int (*wait_zero)(ipc_semaphore *semaphore, int64_t timeout, ipc_error *error);
    /* Lock it until unlock(), or until this process has died. `slots` is for how many at once it must have been made,
     * 0 if that does not matter; -EINVAL if it was made for another number. `shared` not 0: together with others that
     * ask so. `*slot` is a number from 1 on that nobody else has who has it locked alone; 0 where there are none. */
    int (*lock)(ipc_semaphore *semaphore, uint64_t slots, uint32_t shared, int64_t timeout, uint64_t *slot,
                ipc_error *error);
    int (*unlock)(ipc_semaphore *semaphore, ipc_error *error);
    /* What lock() took is for that process: no matter how this one ends, nobody else gets it before that one has ended
     * (with IPC_SEMAPHORE_INHERITED the host sees to that). Called by that process, a child of this one, before it
     * becomes another program. This one lives on, and unlocks or closes in the end. NULL if nothing has to be done. */
    int (*entrust)(ipc_semaphore *semaphore, int64_t process, ipc_error *error);
    /* Wait until `parties` processes have called this, then all of them return 0. Who gives up, or dies before the last
     * one came, was never there. -EINVAL if it was made for another number. NULL if the mechanism has no barriers. */
    int (*meet)(ipc_semaphore *semaphore, uint64_t parties, int64_t timeout, ipc_error *error);
    /* Also unlocks. */
    void (*close)(ipc_semaphore *semaphore);
} ipc_semaphore_v1;

/* ---- ipc.inspect/1: what exists and who holds it ----------------------------------------------------- */

#define IPC_INSPECT_1 "ipc.inspect/1"

enum {
    IPC_OBJECT_REMOVED = 1u, /* no longer reachable by its name; lives until its last holder lets go */
    IPC_OBJECT_LOCKED = 2u,  /* its memory may not be swapped */
    IPC_OBJECT_HUGE = 4u,    /* its memory is of huge pages */
    IPC_OBJECT_DENIED = 8u,  /* some members are IPC_UNKNOWN because this user may not see them */
    /* `attached` is exactly the number of mappings there are, so that the host can tell from it how many
     * holders it did not find. */
    IPC_OBJECT_COUNTED = 16u,
    /* Its users come and go without having anything open: as long as its creator, `last_in` or `last_out` lives, the
     * host removes it by force alone. */
    IPC_OBJECT_USERS = 32u,
    /* With that: one of the three is not visible from here, and so may live. */
    IPC_OBJECT_UNSEEN = 64u,
    /* It was made to last, or may have been, and is nobody's leftover however dead its creator is. */
    IPC_OBJECT_KEPT = 128u
};

/* One object. Clear it with ipc_object_clear(), fill in what is known. */
typedef struct ipc_object {
    uint32_t size;
    uint32_t flags;     /* IPC_OBJECT_… */
    const char *name;   /* the address behind `mechanism:`, without parameters, not encoded */
    const char *detail; /* what else is worth a phrase (a notification's receiver, seals); NULL if nothing */
    ipc_identity identity;

    uint64_t capacity;         /* bytes: a segment's size, a queue's limit */
    uint64_t used;             /* bytes: resident memory of a segment, waiting in a queue */
    uint64_t swapped;          /* bytes */
    uint64_t messages;         /* waiting */
    uint64_t max_messages;     /* */
    uint64_t max_message_size; /* bytes */
    uint64_t attached;         /* mappings, or sockets that belong to it, as the kernel counts them */
    uint64_t waiters;          /* blocked on it, as the kernel counts them */
    uint64_t key;
    uint64_t mode; /* permission bits */
    uint64_t owner;
    uint64_t group;
    uint64_t creator;  /* process id; 0 if it is not visible from here */
    uint64_t last_in;  /* process that last attached or sent; 0 if there was none */
    uint64_t last_out; /* process that last detached or received; 0 if there was none */

    int64_t changed;       /* when its status last changed, or it was made */
    int64_t last_in_time;  /* last attach, send or write */
    int64_t last_out_time; /* last detach, receive or read */

    uint64_t page_size; /* of a segment's memory, bytes; where it is IPC_UNKNOWN the host takes it from mappings */

    uint64_t value; /* of a semaphore: how many may pass now */

    /* The address of the object that this one is a part of, and is in use as long as that exists: a queue in which a
     * reference to it waits. NULL if there is none. The identity says which one, birth aside; all zero if it cannot be
     * looked up from here, and then counts as existing. */
    const char *part_of;
    ipc_identity whole;
} ipc_object;

static inline void ipc_object_clear(ipc_object *object)
{
    object->size = sizeof *object;
    object->flags = 0;
    object->name = object->detail = NULL;
    object->identity.space = object->identity.device = object->identity.number = 0;
    object->identity.birth = IPC_NO_TIME;
    object->capacity = object->used = object->swapped = IPC_UNKNOWN;
    object->messages = object->max_messages = object->max_message_size = IPC_UNKNOWN;
    object->attached = object->waiters = object->key = IPC_UNKNOWN;
    object->mode = object->owner = object->group = IPC_UNKNOWN;
    object->creator = object->last_in = object->last_out = IPC_UNKNOWN;
    object->changed = object->last_in_time = object->last_out_time = IPC_NO_TIME;
    object->page_size = IPC_UNKNOWN;
    object->value = IPC_UNKNOWN;
    object->part_of = NULL;
    object->whole.space = object->whole.device = object->whole.number = 0;
    object->whole.birth = IPC_NO_TIME;
}

/* A limit of the system, and how much of it is used. */
typedef struct ipc_limit {
    uint32_t size;
    uint32_t unit;       /* IPC_UNIT_… */
    const char *name;    /* where it is set: "kernel.shmmni", "/dev/shm" */
    const char *meaning; /* "segments" */
    uint64_t limit;      /* IPC_UNKNOWN if there is none */
    uint64_t used;       /* IPC_UNKNOWN for a limit on each single object */
} ipc_limit;

enum { IPC_UNIT_OBJECTS = 0u, IPC_UNIT_BYTES = 1u };

/* What the host saw while it went over /proc. `path` is as the kernel gives it, unescaped. */
enum {
    IPC_SIGHT_MAPPING = 1u,    /* a shared mapping of an object, anonymous ones aside; its inode may be 0 */
    IPC_SIGHT_DESCRIPTOR = 2u, /* an open descriptor */
    IPC_SIGHT_CALL = 3u        /* a thread blocked in a system call */
};

typedef struct ipc_sight {
    uint32_t size;
    uint32_t kind;          /* IPC_SIGHT_… */
    uint32_t access;        /* IPC_READ, IPC_WRITE, of the mapping or descriptor */
    uint32_t mode;          /* descriptor: st_mode */
    int64_t process;        /* process id */
    uint64_t ipc_namespace; /* inode of its IPC namespace */
    uint64_t device;        /* mapping, descriptor: st_dev */
    uint64_t inode;         /* mapping, descriptor */
    uint64_t links;         /* descriptor: st_nlink; mapping: 0, not known */
    const char *path;       /* mapping: name in maps; descriptor: text of its link; call: "" */
    uint64_t start;         /* mapping: first address */
    uint64_t end;           /* mapping: behind the last address */
    uint64_t page_size;     /* mapping: bytes, 0 if not known */
    int64_t number;         /* descriptor: its number; call: number of the system call */
    uint64_t arguments[6];  /* call */
    uint64_t described;     /* in describe() of a descriptor: nonzero if the object is in the list already, described
                               from a mapping; what is emitted then takes its place. Else 0 */
    uint64_t offset;        /* mapping: of the object's byte that `start` shows */
    int64_t thread;         /* call: the thread's id, that of the process if it is its first */
} ipc_sight;

enum {
    IPC_ROLE_HOLDER = 0u, /* has it mapped or open */
    IPC_ROLE_WAITS_TO_RECEIVE = 1u,
    IPC_ROLE_WAITS_TO_SEND = 2u,
    IPC_ROLE_HAS_LOCKED = 3u, /* others wait until it unlocks */
    IPC_ROLE_WAITS_TO_LOCK = 4u,
    IPC_ROLE_WAITS_AT_WORD = 5u /* sleeps at a word of the object, for what only its programs know: the host's own */
};

/* What a plugin says of a sight that is its own. */
typedef struct ipc_claim {
    uint32_t size;
    uint32_t role;
    ipc_identity identity; /* space, device, number of the object; birth is not compared */
    int64_t descriptor;    /* call: the object is behind this descriptor of the process and `identity` does not
                              count; -1: identity counts */
    uint64_t offset;       /* as in ipc_party; IPC_UNKNOWN unless the plugin sets it */
} ipc_claim;

enum {
    /* It is that process, and not another one that has its number by now; without, the host believes it only where the
     * process is seen to hold the object, or may not be looked into. */
    IPC_PARTY_CERTAIN = 1u
};

/* Who has an object locked, or waits for it, as the mechanism knows it without a look at processes. Clear it with
 * ipc_party_clear(). */
typedef struct ipc_party {
    uint32_t size;
    uint32_t role;  /* IPC_ROLE_… */
    uint32_t flags; /* IPC_PARTY_… */
    uint32_t reserved;
    ipc_identity identity; /* of the object; birth is not compared */
    int64_t process;       /* process id; 0 if only the thread is known */
    int64_t thread;        /* its thread; 0 if not known */
    uint64_t offset;       /* of the part of the object that is locked or waited for, where it has several that are
                              locked alone: who waits is held up by those with the same one; IPC_UNKNOWN: all of it */
    int64_t since;         /* IPC_NO_TIME if not known */
    const char *name;      /* what to list the object as if neither list() nor a sight showed it; NULL: then leave
                              this out */
    uint64_t space;        /* inode of the process namespace in which `process` has this number; 0 if it is this one.
                              The host looks for it, and as long as it is not proven dead nothing is certain */
} ipc_party;

static inline void ipc_party_clear(ipc_party *party)
{
    party->size = sizeof *party;
    party->role = party->flags = party->reserved = 0;
    party->identity.space = party->identity.device = party->identity.number = 0;
    party->identity.birth = IPC_NO_TIME;
    party->process = party->thread = 0;
    party->offset = IPC_UNKNOWN;
    party->since = IPC_NO_TIME;
    party->name = NULL;
    party->space = 0;
}

/* Receives one record; a nonzero answer ends the listing, which then returns 0. */
typedef int (*ipc_emit_object)(void *context, const ipc_object *object);
typedef int (*ipc_emit_limit)(void *context, const ipc_limit *limit);
typedef int (*ipc_emit_party)(void *context, const ipc_party *party);

/* What claim() may recognise. */
enum {
    IPC_CLAIMS_MAPPINGS = 1u,
    IPC_CLAIMS_REGULAR_FILES = 2u, /* descriptors of them, and so on */
    IPC_CLAIMS_FIFOS = 4u,         /* those with a name */
    IPC_CLAIMS_SOCKETS = 8u,
    IPC_CLAIMS_OTHER_FILES = 16u,
    IPC_CLAIMS_CALLS = 32u
};

typedef struct ipc_inspect_v1 {
    uint32_t size;
    uint32_t claims; /* IPC_CLAIMS_…: the host need not look for what no plugin claims. 0: anything. */
    /* Every object of the mechanism that can be enumerated from here, those that this user may not open
     * too. What is hidden is told by notice(). NULL if the mechanism enumerates nothing. */
    int (*list)(ipc_emit_object emit, void *context, ipc_error *error);
    /* The one object of that name; -ENOENT if there is none. */
    int (*look)(const ipc_address *address, ipc_emit_object emit, void *context, ipc_error *error);
    /* Is this sight one of an object of this mechanism? 1 and a filled claim, or 0. Asked for every shared
     * mapping, descriptor and blocked call of the machine: decides from the sight alone, and makes no system
     * call but for the few that it knows to be its own. NULL if holders cannot be seen. */
    int (*claim)(const ipc_sight *sight, ipc_claim *claim);
    /* A claimed object that list() did not emit: describe it from the sight. 0 emitted, 1 not worth
     * listing (a later sight may tell more). Asked until it was emitted, and if that was from a mapping
     * or look() until it was once more from a descriptor, which reaches better; what look() emitted keeps its name, and
     * is replaced only by what has the same. NULL if claims only ever join listed objects. */
    int (*describe)(const ipc_sight *sight, ipc_emit_object emit, void *context);
    /* The limits that govern this mechanism. NULL if there are none. */
    int (*limits)(ipc_emit_limit emit, void *context, ipc_error *error);
    /* Who has the mechanism's objects locked and who waits for them, from tables of the kernel and what is written in
     * the objects. Called before the pass over /proc whose sights are claimed. The host itself finds who sleeps at a
     * word of a claimed mapping (futex(2)) and who has robust mutexes in one (get_robust_list(2)). NULL if there is
     * nothing to tell. */
    int (*parties)(ipc_emit_party emit, void *context, ipc_error *error);
} ipc_inspect_v1;

#ifdef __cplusplus
}
#endif

#endif
