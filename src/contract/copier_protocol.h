/*
 * copier_protocol.h
 *		What the worker and vmclone-copy agree on: each of these stands here and nowhere else.
 *
 * Both programs include this file, so it needs neither PostgreSQL nor the copier.  docs/copier-protocol.md
 * says what each word means and when it is sent; test/docs/protocol.pl holds the two together.
 */
#ifndef VMCLONE_COPIER_PROTOCOL_H
#define VMCLONE_COPIER_PROTOCOL_H

/* Changes whenever a program of the one side could misunderstand the other side's. */
#define COPIER_PROTOCOL 1

/*
 * Limits
 */

#define COPIER_MAX_LAYERS            1024 /* images in a chain; the checks let through no more */
#define COPIER_MAX_ROOTS             16   /* --root directories of one command */
#define COPIER_MAX_THREADS           64   /* of --threads */
#define COPIER_MAX_LINE              65536 /* bytes of one line of JSON; the worker cuts what is longer */
#define COPIER_MAX_CONTROL           127     /* bytes of one control line */
#define COPIER_MAX_TOKEN             128     /* bytes of a storage domain's token */
#define COPIER_MAX_REQUEST_ARGUMENTS 8192    /* of one request to serve */
#define COPIER_MAX_REQUEST_BYTES     4194304 /* of these, each with the NUL behind it */
#define COPIER_MAX_LEASE             86400   /* seconds */
#define COPIER_MAX_DESCRIPTION       210     /* bytes of a volume's description, VDSM's limit */
#define COPIER_MAX_NAME              200     /* bytes of a volume's name in a directory domain */
#define COPIER_VOLUME_SIZE_UNIT      4096    /* a volume's size is a multiple of this many bytes */
#define COPIER_DEFAULT_OWNERMODE     0660    /* file mode of a volume, VDSM's */

/*
 * Exit codes
 */

enum copier_exit
{
	COPIER_EXIT_DONE = 0,     /* done and synced; verify: equal */
	COPIER_EXIT_IO = 1,       /* storage failed, or lacks something; verify: different */
	COPIER_EXIT_USAGE = 2,    /* the command line is wrong: trying again is no use */
	COPIER_EXIT_REFUSED = 3,  /* an image or a file is not what it must be */
	COPIER_EXIT_CANCELLED = 4 /* by a signal, a control line or the end of stdin */
};

/*
 * Kinds of errors: KIND(name, word in JSON, exit code of copy and its like, exit code of volume).
 */
#define COPIER_ERROR_KINDS(KIND)                                                                   \
	KIND(IO, "io", IO, IO)                                                                         \
	KIND(REFUSED, "refused", REFUSED, REFUSED)                                                     \
	KIND(USAGE, "usage", USAGE, USAGE)                                                             \
	KIND(CANCELLED, "cancelled", CANCELLED, CANCELLED)                                             \
	KIND(BUSY, "busy", IO, REFUSED)                                                                \
	KIND(EXISTS, "exists", IO, REFUSED)                                                            \
	KIND(NO_SPACE, "no_space", IO, IO)                                                             \
	KIND(SOURCE_CHANGED, "source_changed", IO, IO)                                                 \
	KIND(SOURCE_STALE, "source_stale", IO, IO)                                                     \
	KIND(SUPERSEDED, "superseded", IO, IO)                                                         \
	KIND(NOT_FOUND, "not_found", IO, IO)                                                           \
	KIND(OUTSIDE_ROOT, "outside_root", REFUSED, REFUSED)                                           \
	KIND(NOT_ATTACHED, "not_attached", REFUSED, REFUSED)                                           \
	KIND(LEASE, "lease", CANCELLED, CANCELLED)

#define COPIER_KIND_ENUM(name, word, exit_of_copy, exit_of_volume) COPIER_##name,
enum copier_error
{
	COPIER_NO_ERROR,
	COPIER_ERROR_KINDS(COPIER_KIND_ENUM)
};
#undef COPIER_KIND_ENUM

/* The word of a kind; "none" for COPIER_NO_ERROR. */
static inline const char *
copier_error_word(enum copier_error kind)
{
	switch (kind)
	{
#define COPIER_KIND_WORD(name, word, exit_of_copy, exit_of_volume)                                 \
	case COPIER_##name:                                                                            \
		return word;
		COPIER_ERROR_KINDS(COPIER_KIND_WORD)
#undef COPIER_KIND_WORD
		case COPIER_NO_ERROR:
			break;
	}
	return "none";
}

/*
 * Subcommands of vmclone-copy, and those of "volume"
 */

#define COPIER_COPY    "copy"
#define COPIER_MEASURE "measure"
#define COPIER_MAP     "map"
#define COPIER_VERIFY  "verify"
#define COPIER_VOLUME  "volume"

/* Several of these in one process, until one fails; between two of them stands COPIER_THEN. */
#define COPIER_SEQUENCE "sequence"
#define COPIER_THEN     "--then"

/*
 * One of the others on another host: below the directories of its own --root, as told by a request on stdin.
 * That is a line of this word, COPIER_PROTOCOL, the number of arguments and that of their bytes, and then the
 * arguments (the first is the subcommand, or an option of any subcommand), each with a NUL behind it.
 */
#define COPIER_SERVE         "serve"
#define COPIER_REQUEST       "vmclone-request"
#define COPIER_REQUEST_HELLO "hello" /* the one argument of a request that does nothing */

#define COPIER_VOLUME_ATTACH    "attach"
#define COPIER_VOLUME_CHECK     "check"
#define COPIER_VOLUME_DETACH    "detach"
#define COPIER_VOLUME_SPACE     "space"
#define COPIER_VOLUME_CREATE    "create"
#define COPIER_VOLUME_COMMIT    "commit"
#define COPIER_VOLUME_REMOVE    "remove"
#define COPIER_VOLUME_STAT      "stat"
#define COPIER_VOLUME_LIST      "list"
#define COPIER_VOLUME_CHAIN     "chain"
#define COPIER_VOLUME_SELF      "self"
#define COPIER_VOLUME_PROVISION "provision"

/* What "volume provision" asks the provisioning program to do (docs/provisioning.md). */
#define COPIER_PROVISION_ATTACH     "attach"
#define COPIER_PROVISION_DETACH     "detach"
#define COPIER_PROVISION_SPACE      "space"
#define COPIER_PROVISION_LIST       "list"
#define COPIER_PROVISION_CREATE     "create"
#define COPIER_PROVISION_ACTIVATE   "activate"
#define COPIER_PROVISION_DEACTIVATE "deactivate"
#define COPIER_PROVISION_COMMIT     "commit"
#define COPIER_PROVISION_REMOVE     "remove"

/*
 * Options that the worker gives, behind "--"; people have more (vmclone-copy --help).  Values that are words follow.
 */

/* Of any subcommand that writes, before it: both or none */
#define COPIER_OPTION_LEASE "lease"
#define COPIER_OPTION_BEAT  "beat"

#define COPIER_OPTION_LAYER        "layer"
#define COPIER_OPTION_OUTPUT       "output"
#define COPIER_OPTION_FORMAT       "format"
#define COPIER_OPTION_SIZE         "size"
#define COPIER_OPTION_PREALLOCATE  "preallocate"
#define COPIER_OPTION_COMPAT       "compat"
#define COPIER_OPTION_THREADS      "threads"
#define COPIER_OPTION_LIMIT        "limit"
#define COPIER_OPTION_RESUME       "resume"
#define COPIER_OPTION_VERIFY       "verify"
#define COPIER_OPTION_BACKING_NAME "backing-name"
#define COPIER_OPTION_PROGRESS     "progress"
#define COPIER_OPTION_ROOT         "root"
#define COPIER_OPTION_KEEP_RECORD  "keep-record"
#define COPIER_OPTION_CLAIM        "claim"
#define COPIER_OPTION_SINCE_CLAIM  "since-claim"

/* Of volume, beside root, size and format */
#define COPIER_OPTION_PATH           "path"
#define COPIER_OPTION_ROOTS          "roots"
#define COPIER_OPTION_STORAGE_DOMAIN "storage-domain"
#define COPIER_OPTION_TOKEN          "token"
#define COPIER_OPTION_OWNER          "owner"
#define COPIER_OPTION_TAKE_OVER      "take-over"
#define COPIER_OPTION_PROBE          "probe"
#define COPIER_OPTION_DOMAIN         "domain"
#define COPIER_OPTION_DISK           "disk"
#define COPIER_OPTION_IMAGE          "image"
#define COPIER_OPTION_TYPE           "type"
#define COPIER_OPTION_VOLTYPE        "voltype"
#define COPIER_OPTION_DOMAIN_FORMAT  "domain-format"
#define COPIER_OPTION_DISK_TYPE      "disk-type"
#define COPIER_OPTION_DESCRIPTION    "description"
#define COPIER_OPTION_DIRECTORY      "directory" /* a folder of images under their users' names */
#define COPIER_OPTION_NAME           "name"      /* that a volume gets there */
#define COPIER_OPTION_FILE           "file"

/* Of volume provision */
#define COPIER_OPTION_COMMAND  "command"
#define COPIER_OPTION_VG       "vg"
#define COPIER_OPTION_VG_UUID  "vg-uuid"
#define COPIER_OPTION_LV       "lv"
#define COPIER_OPTION_CAPACITY "capacity"
#define COPIER_OPTION_STATE    "state"
#define COPIER_OPTION_TIMEOUT  "timeout"
#define COPIER_OPTION_WIPE     "wipe"
#define COPIER_OPTION_DISCARD  "discard"

#define COPIER_FORMAT_RAW    "raw" /* and a colon and a path: layer, output */
#define COPIER_FORMAT_QCOW2  "qcow2"
#define COPIER_COMPAT_V2     "0.10"
#define COPIER_COMPAT_V3     "1.1"
#define COPIER_PROGRESS_JSON "json"

/* Of a volume, VDSM's words */
#define COPIER_WORD_RAW          "RAW"
#define COPIER_WORD_COW          "COW"
#define COPIER_WORD_SPARSE       "SPARSE"
#define COPIER_WORD_PREALLOCATED "PREALLOCATED"
#define COPIER_WORD_LEAF         "LEAF"
#define COPIER_WORD_SHARED       "SHARED"
#define COPIER_WORD_DATA         "DATA"

/* In a directory domain all that is ours lies below this folder, but for the volumes that have their names */
#define COPIER_OWN_FOLDER ".vmclone"

/* What a copy writes beside the image's name until "volume commit" */
#define COPIER_SUFFIX_PART   ".part"
#define COPIER_SUFFIX_RECORD ".resume" /* behind the other */

/*
 * Control lines, on the copier's stdin
 */

#define COPIER_CONTROL_PAUSE  "pause"
#define COPIER_CONTROL_RESUME "resume"
#define COPIER_CONTROL_CANCEL "cancel"
#define COPIER_CONTROL_LIMIT  "limit" /* and a number: bytes per second, 0 = none */
#define COPIER_CONTROL_BEAT   "beat"  /* and a number: the newest clock that was read */

/*
 * Events, one JSON object on a line of the copier's stdout, and their fields
 */

#define COPIER_EVENT_PHASE    "phase"
#define COPIER_EVENT_PLAN     "plan"
#define COPIER_EVENT_PROGRESS "progress"
#define COPIER_EVENT_NOTICE   "notice"
#define COPIER_EVENT_DONE     "done"
#define COPIER_EVENT_ERROR    "error"
#define COPIER_EVENT_ALIVE    "alive"

/* Of serve: the first line, and the last one, which comes when no process of the copier is left. */
#define COPIER_EVENT_READY "ready"
#define COPIER_EVENT_ENDED "ended"

#define COPIER_FIELD_EVENT        "event"
#define COPIER_FIELD_CLOCK        "clock"
#define COPIER_FIELD_PROTOCOL     "protocol"
#define COPIER_FIELD_VERSION      "version"
#define COPIER_FIELD_EXIT         "exit"
#define COPIER_FIELD_PHASE        "phase"
#define COPIER_FIELD_VIRTUAL_SIZE "virtual_size"
#define COPIER_FIELD_OUTPUT_SIZE  "output_size"
#define COPIER_FIELD_BYTES_TOTAL  "bytes_total"
#define COPIER_FIELD_BYTES_DONE   "bytes_done"
#define COPIER_FIELD_BYTES_AGAIN  "bytes_again"
#define COPIER_FIELD_ALLOCATED    "allocated"
#define COPIER_FIELD_METHOD       "method"
#define COPIER_FIELD_REASON       "reason"
#define COPIER_FIELD_VERIFIED     "verified"
#define COPIER_FIELD_TO_VERIFY    "to_verify"
#define COPIER_FIELD_RATE         "rate"
#define COPIER_FIELD_ETA          "eta"
#define COPIER_FIELD_PAUSED       "paused"
#define COPIER_FIELD_CHECKPOINT   "checkpoint"
#define COPIER_FIELD_ELAPSED      "elapsed"
#define COPIER_FIELD_KIND         "kind"
#define COPIER_FIELD_ERRNO        "errno"
#define COPIER_FIELD_LAYER        "layer"
#define COPIER_FIELD_PATH         "path"
#define COPIER_FIELD_OFFSET       "offset"
#define COPIER_FIELD_MESSAGE      "message"

/* The answer of a volume subcommand: "ok", its facts, or kind, errno, path, message and this. */
#define COPIER_FIELD_OK   "ok"
#define COPIER_FIELD_HINT "hint"
#define COPIER_FIELD_STATE                                                                         \
	"state" /* of volume provision by serve: the directory for a copy's record */

/* The answer of measure, beside COPIER_FIELD_VIRTUAL_SIZE. */
#define COPIER_FIELD_REQUIRED        "required"
#define COPIER_FIELD_BYTES_TO_READ   "bytes_to_read"
#define COPIER_FIELD_ALLOCATED_BYTES "allocated_bytes"

/* Phases of a copy, in their order. */
#define COPIER_PHASE_MAP    "map"
#define COPIER_PHASE_LAYOUT "layout"
#define COPIER_PHASE_ZERO   "zero"
#define COPIER_PHASE_DATA   "data"
#define COPIER_PHASE_SYNC   "sync"
#define COPIER_PHASE_VERIFY "verify"

#endif
