/*
 * What the broker knows: its records, shared by the files of mm/broker and read by the admin socket.
 *
 * A record (struct broker_realm) stands for a declaration of the configuration or for an instance of a
 * template, and carries its current incarnation: process, control socket, pool, channels. An incarnation
 * ends in two steps: it is severed (socket closed, channels closed, endpoints withdrawn, descendants
 * killed) as soon as it is known to be over, and it has ended when the launcher has reaped it. Whatever an
 * incarnation owned is given back by the severing, whichever way it came about.
 *
 * The rule: only mm/broker's own files change these structs; admin.c reads them, and acts through the
 * functions at the end. Everything here belongs to the broker's one thread.
 */
#ifndef MM_BROKER_STATE_H
#define MM_BROKER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "librealm/proto/control.h"
#include "mm/analysis/edits.h"
#include "mm/broker/admin.h"
#include "mm/broker/broker.h"
#include "mm/broker/denials.h"
#include "mm/broker/events.h"
#include "mm/broker/limits.h"
#include "mm/broker/logs.h"
#include "mm/broker/poll.h"
#include "mm/config/config.h"
#include "mm/policy/policy.h"

struct broker_realm;
struct broker_service;
struct broker_channel;
struct broker_memory;
struct revoke_lingering;
struct diagnosis;

/* The struct that a member is embedded in. */
#define broker_container(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

enum broker_phase {
    BROKER_DORMANT,  /* never started, or: its descriptors of an earlier life are all given back */
    BROKER_STARTING, /* the launcher was asked to spawn it */
    BROKER_RUNNING,  /* its process runs; its control socket may be closed already */
    BROKER_ENDING,   /* severed and killed; its exit has not come yet */
    BROKER_WAITING,  /* ended; will be restarted when its back-off is over */
    BROKER_TERMINATED,
};

/* Why an incarnation is being ended by the broker; NONE: it ends by itself. */
enum broker_cause {
    BROKER_CAUSE_NONE,
    BROKER_CAUSE_ADMIN,
    BROKER_CAUSE_PARENT,  /* its parent ended it, or ended */
    BROKER_CAUSE_STOP,    /* the system ends */
    BROKER_CAUSE_OFFENCE, /* it broke the protocol, or does not take what it is sent: a failure */
};

/* A memfd that this realm writes and, once it serves a channel, a peer reads. */
struct broker_region {
    uint32_t number; /* what the realm calls it */
    uint32_t bytes;
    int write_fd; /* the writable description: kept until the channel closes, to seal and truncate */
    int read_fd;  /* the read-only one, for the peer; -1 once sent */
};

struct broker_pool {
    struct broker_region sent[REALM_CONTROL_FDS_MAX]; /* on their way: queued or not acknowledged yet */
    uint32_t sent_count;
    struct broker_region ready[BROKER_POOL_REGIONS_MAX]; /* mapped by the realm and sealed */
    uint32_t ready_count;
    uint32_t asked;       /* asked from the launcher, one request at a time */
    uint32_t asked_bytes; /* … of this size each */
    uint32_t wanted;      /* connects that found none of default size since the last request */
    uint32_t odd_bytes;   /* another size, of which one found none; 0: none did */
    bool odd_last;        /* the last request was for another size: now it is the default's turn */
    uint32_t next_number; /* of the next region of this incarnation */
};

/* One packet on its way to a realm (delivery.c). */
struct delivery_packet;

struct delivery_queue {
    struct delivery_packet *first, *last;
};

struct broker_delivery {
    struct delivery_queue plain; /* without descriptors: these overtake the others */
    struct delivery_queue laden; /* with descriptors: one in flight at a time */
    uint32_t queued;             /* in both */
    uint32_t answers;            /* … of them, replies to what it asked */
    bool blocked;                /* the socket is full: EPOLLOUT is listened for */
    uint64_t last_sequence;
    uint64_t in_flight; /* sequence that waits for its ACK; 0: none */
    uint16_t in_flight_type;
    uint64_t in_flight_cookie;  /* CONNECTED, ACCEPTED: the channel's end */
    struct poll_timer deadline; /* of the ACK; runs while somebody waits for it */
    struct poll_timer retry;    /* the kernel has too many descriptors in flight: try again soon */
};

/* Anything a realm calls by a cookie: a service's endpoint, its end of a channel, or a capability of another
 * kind (an anonymous endpoint, too). */
enum broker_token_kind {
    BROKER_TOKEN_ENDPOINT,
    BROKER_TOKEN_CLIENT_END,
    BROKER_TOKEN_SERVER_END,
    BROKER_TOKEN_HOLDING,
};

struct broker_token {
    uint64_t cookie; /* 0: not in the table */
    enum broker_token_kind kind;
    struct broker_realm *owner; /* the only realm that may use it */
    struct broker_token *next;
};

/* A capability that is neither a channel nor a service's endpoint (holdings.c). */
struct broker_holding {
    struct broker_token token;
    struct policy_capability capability;
    struct broker_holding *next, **link_back; /* in realm->holdings */
    struct broker_memory *memory;             /* NULL: it is none */
    uint8_t window;                           /* bit n: part n is its own */
    uint8_t mapped, loose;                    /* … and may be mapped somewhere (memory.c) */
    struct broker_holding *next_of_memory, **memory_back;
};

/* A piece of memory. */
struct broker_part {
    int fd;        /* writable; -1: never made */
    bool empty;    /* truncated: the next mapping begins anew */
    bool changing; /* the launcher makes its successor */
    bool sealing;  /* … which becomes that only if it can still be sealed then */
};

/* What memory capabilities are about (memory.c). */
struct broker_memory {
    struct broker *broker;
    struct broker_memory *next, **link_back; /* in broker->memories */
    struct policy_capability root;
    uint64_t allocator; /* id of the realm that its descriptors are charged to */
    struct broker_part parts[REALM_CONTROL_PARTS_MAX];
    uint32_t parts_count, part_bytes;
    struct broker_holding *holdings;
    uint32_t asked;    /* requests that the launcher has not answered */
    uint64_t renewals; /* that were begun */
    bool sealed;       /* nobody writes it any more: its parts have the seal, or get it when they are made */
    bool ended;
};

/* The MAP of a realm that is under way. */
struct broker_mapping {
    bool under_way;
    bool asked;          /* descriptors are being opened for it */
    bool unacknowledged; /* the last was sent, and the realm has not said that it has mapped it */
    uint32_t rights;
    uint64_t xid, decision, cookie;
    uint64_t renewals; /* of the memory, when it was asked */
};

/* The SEAL of a realm that is under way (sealing.c). */
struct broker_sealing {
    bool under_way;
    bool asked; /* copies are being made */
    uint64_t xid, decision, cookie;
    uint64_t renewals; /* of the memory, when it was asked */
};

/* What one end of a channel would give the other (delegate.c). */
struct broker_offer {
    struct broker_offer *next;
    uint32_t ticket;
    struct policy_event event; /* the DERIVE that TAKE decides and does */
};

/* One side of a channel. */
struct broker_end {
    struct broker_token token;
    struct broker_realm *realm;
    struct broker_region region; /* its own */
    uint32_t slot;
    bool ready;                  /* it has mapped what it got, and said so */
    struct broker_offer *offers; /* made by this end, the oldest first */
    uint32_t offers_count;
    uint32_t last_ticket;
    struct broker_channel *next_of_realm, **link_back; /* in realm->channels */
};

struct broker_channel {
    struct broker_channel *next; /* all channels of the broker, oldest first */
    struct broker_channel *previous;
    struct broker_service *service; /* NULL: the endpoint is anonymous */
    uint64_t endpoint;              /* cookie of the endpoint */
    struct broker_end client, server;
    struct policy_capability capability; /* the send right that the client holds */
    uint64_t badge;
    bool charged;        /* to its client: the descriptors that it takes */
    uint64_t created_ns; /* poll_now_ns */
    uint64_t xid;        /* of the CONNECT, as long as it is not answered */
    uint32_t flags;      /* … and its flags */
    bool derived;        /* there was no CONNECT: it was derived, from another channel or an endpoint */
};

/* What a start gives the program behind the declaration's arguments: strings in a row, each ended by a NUL.
 */
struct broker_args {
    uint8_t *bytes; /* NULL: none */
    uint32_t count, size;
};

struct broker_realm {
    struct broker *broker;
    struct broker_realm *next; /* all records, in the order of the file, then of making */
    struct broker_realm *previous;
    char *name;
    uint32_t declaration; /* index in config->realms */
    bool instance;        /* of a template: the record goes when it has ended */
    struct policy_realm policy;
    struct broker_realm *parent; /* NULL: init */
    struct broker_args args;     /* of the last SPAWN that was let through, for restarts */

    /* over all incarnations */
    uint64_t starts;
    uint64_t window_start_ns; /* of the start limit */
    uint32_t window_starts;
    uint64_t backoff_ns;
    struct poll_timer restart;
    bool failed;   /* the last incarnation to end failed, and nobody had asked it to end */
    char exit[16]; /* of the last that ended: "0", "1", "SIGKILL"; "" if none has */

    /* the present incarnation, or the last */
    enum broker_phase phase;
    enum broker_cause cause;
    uint64_t id; /* struct realm_id; 0: never started */
    int32_t pid;
    uint64_t started_ns; /* poll_now_ns */
    bool severed;        /* what it owned is given back; only its process may be left */
    bool kill_due;       /* the launcher is to be told to kill it */
    bool loaded;         /* its box is shut: only now its socket is read */
    bool hello;          /* it has said so; hello_xid waits for the WELCOME */
    bool welcomed;
    uint64_t hello_xid;
    uint32_t waiter;                 /* enum realm_waiter_kind */
    struct poll_source control;      /* fd -1: none */
    int hint_fd;                     /* write end of its hint pipe, or -1 */
    struct realm_control_page *page; /* NULL until made */
    int page_fd;                     /* read-only; -1: not made, or sent */
    struct broker_pool pool;
    struct broker_delivery delivery;
    struct broker_channel *channels; /* through either end */
    uint32_t channels_count;
    uint64_t *slots; /* bitmap of the slots in use */
    uint32_t slots_words;
    uint32_t waits_count;     /* of its connects */
    uint64_t memory_bytes;    /* its limit of private memory, as last set; 0: none of its own */
    uint32_t limits_told;     /* 1 << enum mm_limit: it was told that they are reached (bounds.c) */
    uint32_t quotas_told;     /* 1 << enum policy_resource: it was told that they are used up (explain.c) */
    struct denials denials;   /* those that were told of late, and were left out */
    uint64_t second_start_ns; /* flood limit */
    uint32_t second_packets;
    struct poll_timer throttle;
    unsigned held;             /* enum control_hold: its socket is not read */
    struct poll_timer penalty; /* of the wrong cookie in the request penalty_xid */
    uint64_t penalty_xid;
    uint64_t wrong_cookies;         /* that it named */
    uint64_t let_go[BROKER_LET_GO]; /* the cookies that were its own until lately */
    unsigned let_go_next;
    uint64_t revoke_xid;      /* of the REVOKE that is answered when all is cleared away */
    uint64_t revoke_decision; /* … and its number */
    uint64_t revoke_renewals; /* … and so many renewals are done; UINT64_MAX: not all is cleared yet */
    struct broker_holding *holdings;
    uint32_t holdings_count;
    struct broker_mapping mapping;
    struct broker_sealing sealing;
    uint32_t memory_parts;     /* of the objects that it allocated in this life */
    struct poll_timer leaving; /* it closed its control socket: its end is awaited */
    const char *offence;       /* what it did: it will be ended before the round is over; else NULL */
    struct broker_realm *next_offender;
    struct broker_realm *spawner; /* its parent, whose SPAWN waits for this start; NULL: nobody's */
    uint64_t spawn_xid;
    uint64_t spawn_decision;
    uint64_t decisions;               /* made for this realm: a common count would tell one of the others */
    struct realm_control_stats stats; /* the last it sent; zeros before */
    bool queried;                     /* … and was asked for again */
};

struct broker_service {
    const struct mm_service *config;
    struct policy_service policy;
    struct broker_token token;     /* of the endpoint; cookie 0: nobody has registered it */
    struct broker_realm *provider; /* who has registered it; NULL: nobody */
    struct policy_capability endpoint;
    uint32_t clients; /* channels to it */
};

/* A connect that waits for a registration or for a pool. */
struct broker_wait {
    struct broker_wait *next, *previous;
    struct broker_realm *realm;
    struct broker_service *service; /* CONNECT; else NULL */
    struct policy_event event;      /* DERIVE */
    uint64_t via;                   /* TAKE: with the ticket, what is taken */
    uint32_t ticket;                /* 0: no TAKE */
    uint64_t xid;
    uint32_t flags;
    uint64_t pool_deadline_ns; /* 0: it waits for the registration */
};

/* What is held now: everything here is 0 or at its start value again when all realms have ended. */
struct broker_counts {
    uint64_t records;
    uint64_t processes; /* starting, running or ending */
    uint64_t sockets;
    uint64_t pages;
    uint64_t regions;  /* in pools and channels, two descriptors each at most */
    uint64_t memories; /* one descriptor a part at most */
    uint64_t channels;
    uint64_t endpoints;
    uint64_t cookies;
    uint64_t waits;
    uint64_t packets; /* queued for realms */
    uint64_t launch_packets;
    uint64_t launch_requests; /* that the launcher has not answered */
    uint64_t descriptors;     /* of all of these together */
};

struct launch_link;
struct cookies;

struct broker {
    const struct mm_config *config;
    struct broker_options options;
    struct poll *poll;
    struct events *events;
    struct logs *logs;
    struct admin *admin;
    struct policy *policy;
    struct launch_link *launch;
    struct cookies *cookies;
    struct broker_realm *realms, *realms_last;
    struct broker_realm **declared;  /* by index of the declaration */
    struct broker_service *services; /* config->services_count of them */
    struct broker_channel *channels, *channels_last;
    uint32_t channels_count;
    uint64_t descriptors_max;               /* that this process may have open */
    struct broker_wait *waits, *waits_last; /* in the order of asking */
    uint32_t waits_count;
    uint64_t next_id;
    uint64_t decisions;        /* made so far: the number of the last */
    uint32_t pool_waits_count; /* … of them, for a pool: waits_timer runs while there are any */
    bool waits_changed;        /* something happened that a waiting connect may wait for */
    struct poll_timer waits_timer;
    struct revoke_lingering *lingering; /* regions of channels that ended, the oldest first (revoke.c) */
    uint32_t lingering_count;
    struct poll_timer lingering_timer;
    struct poll_timer authority_timer; /* the policy has more to clear away than one round does */
    struct broker_memory *memories;
    uint64_t memory_parts;                  /* of all of them */
    uint64_t renewals_asked, renewals_done; /* copies of it, which are made in that order */
    struct diagnosis *diagnosis;            /* refusals of late (diagnosis.c); NULL: none yet */
    bool revoking;                          /* some realm waits for that */
    bool client_started;                    /* a realm that provides nothing has ever been started */
    struct broker_realm *offenders;         /* to be ended before the round is over */
    bool sweep_due;                         /* an instance may be over */
    bool failed;                            /* a realm whose record is gone had failed */
    bool stopping;                          /* the system ends */
    bool killing;                           /* … and patience is over */
    bool finishing;                         /* … and all realms are gone */
    bool launcher_gone;                     /* it sends no more */
    bool ended;
    int exit_code;
    struct poll_timer stop_timer;
};

/* --- looking: `after` NULL starts, NULL ends --- */

struct broker_realm *broker_next_realm(const struct broker *broker, const struct broker_realm *after);
struct broker_service *broker_next_service(const struct broker *broker, const struct broker_service *after);
struct broker_channel *broker_next_channel(const struct broker *broker, const struct broker_channel *after);

/* NULL: no such record. */
struct broker_realm *broker_find_realm(const struct broker *broker, const char *name);
struct broker_realm *broker_realm_of(const struct broker *broker, struct policy_realm realm);
struct broker_service *broker_service_of(const struct broker *broker, struct policy_service service);

/* "dormant", "starting", "running", "ending", "restarting", "terminated". */
const char *broker_realm_state(const struct broker_realm *realm);
/* How many records have this one as their parent and are starting, running or ending. */
uint32_t broker_realm_children(const struct broker_realm *realm);
/* How many services it has registered. */
uint32_t broker_realm_services(const struct broker_realm *realm);
/* What the channel is to; "(anonymous)" where the endpoint has no name. */
const char *broker_channel_service(const struct broker_channel *channel);
/* "opening" until both ends have mapped their regions, then "open". */
const char *broker_channel_state(const struct broker_channel *channel);

/* "lona.yaml:31:5" into text; "lona.yaml" for no place. */
#define BROKER_PLACE_MAX 320u
void broker_place(const struct broker *broker, uint32_t line, uint32_t column, char text[BROKER_PLACE_MAX]);

/* --- acting --- */

/*
 * Starts a declared realm, or an instance `name` of a template. actor: the parent that asks; NULL: an
 * administrator, who stands for init. name: NULL for a declaration that is no template. args: args_count
 * strings, each ended by a NUL, args_size bytes in all (NULL, 0, 0 for none). The start goes on after the
 * return; its end is told in the event `started` or `start-failed`.
 *
 * Return: 0; REALM_E_NOT_CHILD: no such realm, or not one of the actor's; REALM_E_EXISTS: it runs, or the
 * name is taken; REALM_E_BAD_NAME; REALM_E_BAD_ARGUMENT: a template without a name or the other way round;
 * REALM_E_NOT_STARTED: its parent does not run, the start limit is reached, or the system ends;
 * REALM_E_LIMIT; REALM_E_TOO_BIG: args; -ENOMEM. *ret_realm->id is the new incarnation's.
 */
struct broker_spawn {
    struct broker_realm *actor;
    const char *program;
    const char *name;
    const uint8_t *args;
    uint32_t args_count;
    uint32_t args_size;
};
int broker_spawn(struct broker *broker, const struct broker_spawn *spawn, struct broker_realm **ret_realm);

/* Ends a realm and its descendants at once; one that runs no more is not an error. A realm that waits for
 * a restart is not started again. The record stays valid until the present round of the loop is over. */
void broker_kill(struct broker *broker, struct broker_realm *realm, enum broker_cause cause);

/* Asks all running realms for their STATS; the answers come into the records when they come. */
void broker_query_stats(struct broker *broker);

/* Begins the polite end of the system. */
void broker_stop(struct broker *broker);

void broker_count(const struct broker *broker, struct broker_counts *ret_counts);

/* --- why (explain.c) --- */

#define BROKER_FIX_MAX   1024u
#define BROKER_STEPS_MAX 256u

struct broker_reason {
    const char *rule; /* static */
    char at[BROKER_PLACE_MAX];
    char fix[BROKER_FIX_MAX]; /* "" where nothing is to be mended */
};

/* Puts a decision of the policy into words; name is what was asked for. */
void broker_explain_decision(const struct broker *broker, const struct broker_realm *actor, const char *name,
                             const struct policy_decision *decision, struct broker_reason *ret_reason);

struct broker_explanation {
    bool allowed;    /* by the policy, whether or not it is registered now; with the rights asked for */
    bool registered; /* somebody provides it at this moment */
    struct broker_reason reason;
    struct policy_decision decision;
    struct edits edits; /* the smallest change that would allow it; none: it is allowed, or nothing would */
    size_t steps_count;
    struct {
        const char *rule;
        char at[BROKER_PLACE_MAX];
        bool matched;
    } steps[BROKER_STEPS_MAX];
};

/* Would realm be let through to the service, with these rights (and SEND)? Changes nothing. Return: 0;
 * REALM_E_NO_SERVICE: no such name is declared (the fix says so); -ENOMEM. The explanation is the caller's to
 * free() in all cases of 0 and REALM_E_NO_SERVICE. */
int broker_explain(const struct broker *broker, const struct broker_realm *realm, const char *service,
                   uint32_t rights, struct broker_explanation **ret_explanation);

/* --- running it a step at a time, for broker_run and for tests --- */

/* options is copied; its descriptors are borrowed. Return: 0; -errno. */
int broker_new(const struct broker_options *options, struct broker **ret_broker);
/* Waits for something to do if `wait`, and does it. Return: 0; -errno. */
int broker_step(struct broker *broker, bool wait);
/* Closes and frees everything it still holds. NULL is a no-op. */
void broker_free(struct broker *broker);

#endif
