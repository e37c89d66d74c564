/*
 * fuzz_record.c
 *		The input is a resume record, as a copier that an image has taken over may have left it, with an output beside it; a copy
 *		goes on from there.
 *
 * Input: flags; claims of record, copy and since; twice what a slot says (SLOT_BYTES); then changes of single bytes (offset in
 * the record, 16 bits, and value).  Whatever a record says: a file that it doesn't know stays as it is, and a copy that
 * succeeds has made the image, unless the record has lied of the data that is there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/base/budget.h"
#include "copy/base/fileio.h"
#include "copy/base/report.h"
#include "copy/command/copy.h"
#include "fuzz_chain.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define IMAGE_BYTES  24576
#define PAGE_BYTES   4096
#define RECORD_BYTES (4 * PAGE_BYTES)
#define HEAD         4
#define SLOT_BYTES   5

/* Of the input's first byte. */
#define OTHER_MAGIC   1
#define OTHER_SIZE    2
#define OTHER_NAME    4
#define WITHOUT_IMAGE 8
#define RIGHT_CONTENT 16
#define KEEP_RECORD   32
#define WRONG_SUM     64 /* of the first slot */
#define READ_BACK     128

/* Of a slot. */
#define RIGHT_FINGERPRINT 1
#define KNOWS_OUTPUT      2
#define OTHER_INODE       4
#define OTHER_BIRTH       8
#define IS_DEVICE         16
#define HUGE_MARK         32

static struct fuzz_chain made;
static unsigned char *image; /* what the result must be */
static struct resume_slot known_slot;
static unsigned char known_head[PAGE_BYTES];
static char output_path[320];
static char record_path[320];

struct scene
{
	bool has_output;
	bool is_owned;
	bool is_forged; /* data that is not there is claimed */
	bool is_clear;  /* the above is known: no byte was changed */
	uint64_t claim;
	uint64_t since;
};

static void
write_whole(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t) size)
		abort();
	close(fd);
}

static bool
run_copy(const struct scene *scene, uint8_t flags)
{
	static struct options options;
	static struct copy copy;
	size_t before = budget_left();
	bool good;

	report_reset();
	memset(&options, 0, sizeof(options));
	memset(&copy, 0, sizeof(copy));
	memcpy(options.layers, made.options, sizeof(made.options));
	options.layer_count = made.count;
	options.output_format = FORMAT_RAW;
	options.output_path = output_path;
	options.resume_path = record_path;
	options.version = 3;
	options.cluster_bits = 16;
	options.threads = 1;
	options.io = IO_BUFFERED;
	options.claim = scene->claim;
	options.since_claim = scene->since;
	options.keep_record = (flags & KEEP_RECORD) != 0;
	options.verify = (flags & READ_BACK) != 0;
	copy.options = &options;
	throttle_start(&copy.throttle, 0);
	progress_start(&copy.progress, PROGRESS_NONE, NULL);
	good = copy_open(&copy) == 0 && copy_run(&copy) == 0;
	if (good == report_is_set())
		abort();
	if (!good)
		copy_clean(&copy);
	copy_close(&copy);
	if (budget_left() != before)
		abort();
	return good;
}

/* Whether the output is the image, of the right length. */
static bool
is_image(void)
{
	static unsigned char found[IMAGE_BYTES + 1];
	int fd = open(output_path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : file_read(fd, found, sizeof(found), 0);

	if (fd >= 0)
		close(fd);
	return got == IMAGE_BYTES && memcmp(found, image, IMAGE_BYTES) == 0;
}

static void
remove_chain(void)
{
	fuzz_chain_free(&made);
	free(image);
}

/* The chain, and what an honest record of its copy looks like. */
static void
begin(void)
{
	static const struct scene honest = {.claim = 1};
	static uint8_t input[7 + IMAGE_BYTES];
	int fd;

	input[1] = 1; /* raw */
	input[5] = (uint8_t) (IMAGE_BYTES & 0xff);
	input[6] = IMAGE_BYTES >> 8;
	/* with a hole, which a copy doesn't write */
	for (size_t i = 0; i < IMAGE_BYTES; i++)
		input[7 + i] = i / 8192 == 1 ? 0 : (uint8_t) (i % 251 + 1);
	if (!fuzz_chain_make(&made, input, sizeof(input)))
		abort();
	image = malloc(IMAGE_BYTES);
	memcpy(image, input + 7, IMAGE_BYTES);
	snprintf(output_path, sizeof(output_path), "%s", fuzz_path("result"));
	snprintf(record_path, sizeof(record_path), "%s", fuzz_path("result.resume"));
	atexit(remove_chain);
	if (!run_copy(&honest, KEEP_RECORD) || !is_image() ||
		(fd = open(record_path, O_RDONLY | O_CLOEXEC)) < 0 ||
		pread(fd, known_head, sizeof(known_head), 0) != (ssize_t) sizeof(known_head))
		abort();
	for (int i = 1; i <= 2; i++)
	{
		struct resume_slot slot;

		if (pread(fd, &slot, sizeof(slot), i * PAGE_BYTES) != (ssize_t) sizeof(slot))
			abort();
		if (slot.sequence > known_slot.sequence)
			known_slot = slot;
	}
	close(fd);
	unlink(record_path);
	unlink(output_path);
	if (known_slot.phase != RESUME_DATA || known_slot.mark == 0)
		abort();
}

static void
make_output(uint8_t flags, struct scene *scene, struct stat *status, uint64_t *birth)
{
	static unsigned char bytes[IMAGE_BYTES];

	scene->has_output = (flags & WITHOUT_IMAGE) == 0;
	memset(status, 0, sizeof(*status));
	*birth = 0;
	if (!scene->has_output)
		return;
	memset(bytes, 0xee, sizeof(bytes));
	if ((flags & RIGHT_CONTENT) != 0)
		memcpy(bytes, image, sizeof(bytes));
	write_whole(output_path, bytes, sizeof(bytes));
	if (stat(output_path, status) != 0)
		abort();
	*birth = file_birth(AT_FDCWD, output_path);
}

/* A slot of the record, as the input's bytes have it. */
static void
fill_slot(struct resume_slot *slot, const uint8_t *bytes, const struct stat *status, uint64_t birth)
{
	uint64_t nonce;
	const uint64_t *words = (const uint64_t *) slot;
	uint8_t flags = bytes[3];

	memset(slot, 0, sizeof(*slot));
	slot->sequence = bytes[0];
	slot->phase = bytes[1] % 5;
	slot->mark = (flags & HUGE_MARK) != 0 ? UINT64_MAX - bytes[2] : bytes[2] * UINT64_C(128);
	if ((flags & RIGHT_FINGERPRINT) != 0)
		slot->fingerprint = known_slot.fingerprint;
	slot->output_known = (flags & KNOWS_OUTPUT) != 0;
	slot->output_inode = status->st_ino + ((flags & OTHER_INODE) != 0);
	slot->output_birth = birth + ((flags & OTHER_BIRTH) != 0);
	slot->output_is_block_device = (flags & IS_DEVICE) != 0;
	slot->output_device = bytes[4];
	memcpy(&nonce, known_head + 32, sizeof(nonce));
	slot->checksum.low = nonce;
	slot->checksum.high = ~nonce;
	for (size_t i = 0; i < offsetof(struct resume_slot, checksum) / sizeof(uint64_t); i++)
		fingerprint_add(&slot->checksum, words[i]);
}

/* Makes record and output; what must come of them. */
static void
make_record(const uint8_t *input, size_t size, struct scene *scene)
{
	static unsigned char record[RECORD_BYTES];
	struct resume_slot slots[2];
	const struct resume_slot *newest = NULL;
	struct stat status;
	uint64_t birth;
	uint64_t claim = input[1] % 8;
	uint8_t flags = input[0];

	make_output(flags, scene, &status, &birth);
	memset(record, 0, sizeof(record));
	memcpy(record, known_head, sizeof(known_head));
	memcpy(record + 40, &claim, sizeof(claim));
	record[0] ^= (flags & OTHER_MAGIC) != 0;
	record[48] ^= (flags & OTHER_NAME) != 0;
	for (int i = 0; i < 2; i++)
	{
		fill_slot(&slots[i], input + HEAD + i * SLOT_BYTES, &status, birth);
		if (i == 0 && (flags & WRONG_SUM) != 0)
			slots[i].checksum.low++;
		else if (newest == NULL || slots[i].sequence > newest->sequence)
			newest = &slots[i];
		memcpy(record + (i + 1) * PAGE_BYTES, &slots[i], sizeof(slots[i]));
	}
	scene->claim = input[2] % 8;
	scene->since = scene->claim != 0 ? input[3] % 8 : 0;
	scene->is_owned = newest->output_known && newest->output_inode == status.st_ino &&
					  !newest->output_is_block_device &&
					  (newest->output_birth == birth || newest->output_birth == 0 || birth == 0);
	scene->is_forged =
		newest->phase == RESUME_DATA && newest->mark > 0 && (flags & RIGHT_CONTENT) == 0 &&
		memcmp(&newest->fingerprint, &known_slot.fingerprint, sizeof(newest->fingerprint)) == 0;
	scene->is_clear = size < HEAD + 2 * SLOT_BYTES + 3;
	for (size_t at = HEAD + 2 * SLOT_BYTES; at + 3 <= size; at += 3)
		record[(input[at] | input[at + 1] << 8) % RECORD_BYTES] = input[at + 2];
	write_whole(record_path, record, RECORD_BYTES - ((flags & OTHER_SIZE) != 0 ? PAGE_BYTES : 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct scene scene = {0};
	struct stat before = {0};
	struct stat after = {0};
	bool good;

	if (size < HEAD + 2 * SLOT_BYTES)
		return 0;
	if (image == NULL)
		begin();
	make_record(input, size, &scene);
	if (scene.has_output && stat(output_path, &before) != 0)
		abort();
	good = run_copy(&scene, input[0]);
	if (good && scene.is_clear)
	{
		if (scene.has_output && !scene.is_owned)
			abort(); /* somebody else's file was taken */
		if (!scene.is_forged && !is_image())
		{
			fprintf(stderr, "the result is not the image\n");
			abort();
		}
		if ((access(record_path, F_OK) == 0) != ((input[0] & KEEP_RECORD) != 0))
			abort();
	}
	/* a file that isn't ours stays, and as it was */
	if (scene.is_clear && scene.has_output && !scene.is_owned &&
		(stat(output_path, &after) != 0 || after.st_ino != before.st_ino ||
		 after.st_size != before.st_size || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
		abort();
	unlink(output_path);
	unlink(record_path);
	return 0;
}
