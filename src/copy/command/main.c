/*
 * main.c
 *		vmclone-copy: turns a raw/qcow2 snapshot chain into one image.  Dispatch and help.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "copy/command/commands.h"
#include "copy/command/sequence.h"
#include "copy/base/report.h"
#include "copy/volume/volume.h"

static const char help[] =
	"vmclone-copy turns a chain of raw/qcow2 snapshot layers into one image.\n"
	"\n"
	"  vmclone-copy copy    --layer FORMAT:PATH … --output FORMAT:PATH [options]\n"
	"  vmclone-copy measure --layer FORMAT:PATH … --format FORMAT [options]\n"
	"  vmclone-copy map     --layer FORMAT:PATH … [--svg]\n"
	"  vmclone-copy verify  --layer FORMAT:PATH … --output FORMAT:PATH\n"
	"  vmclone-copy volume  SUBCOMMAND …      (used by the vmclone worker)\n"
	"  vmclone-copy sequence volume|copy … --then volume|copy … (one after the other)\n"
	"  vmclone-copy --version\n"
	"\n"
	"Give every layer, the first snapshot first and the one to copy last.  FORMAT is raw or\n"
	"qcow2 and is never guessed.  What a header says about its backing file is compared with\n"
	"the layers given, and never opened.\n"
	"\n"
	"A first copy:\n"
	"  vmclone-copy copy --layer qcow2:base.qcow2 --layer qcow2:snap1.qcow2 \\\n"
	"      --output raw:clone.img --progress bar\n"
	"\n"
	"The result\n"
	"  --output FORMAT:PATH  a new file, or an existing block device (all of it is written)\n"
	"  --size BYTES          virtual size, not below that of the last layer (K, M, G, T allowed);\n"
	"                        without any layer: an empty image of that size\n"
	"  --preallocate         raw: allocate every block; without it, zero blocks are holes\n"
	"  --compat 0.10|1.1     qcow2 version (1.1)\n"
	"  --cluster-size BYTES  qcow2 cluster size, 512 to 2M (64K)\n"
	"  --keep-zeroes         write blocks of zeroes that the layers hold as data\n"
	"  --verify              read the result back and compare it before saying done\n"
	"How it is copied\n"
	"  --threads N           number of threads (chosen by the machine and the storage)\n"
	"  --limit BYTES         at most this many bytes per second\n"
	"  --io auto|direct|buffered  past the page cache or through it (auto)\n"
	"  --no-reflink          never share blocks with the layers\n"
	"  --resume FILE         keep a record in FILE; the same command again goes on from there\n"
	"  --claim N             with --resume: refuse a record that a newer claim has written\n"
	"  --keep-lock           when done, hold the lock on the output until stdin ends\n"
	"  --keep-record         when done, leave the record of --resume\n"
	"  --progress none|bar|json\n"
	"  --control             obey lines on stdin: \"limit BYTES\", \"pause\", \"resume\", \"cancel\"\n"
	"The layers\n"
	"  --backing-name NAME   behind a --layer: the backing file name its header must have,\n"
	"                        instead of the name of the layer before it\n"
	"  --force-share         copy though another process has a layer open for writing\n"
	"  --root DIR            open files only below DIR and never through symbolic links;\n"
	"                        may be given more than once\n"
	"\n"
	"While it runs, SIGTERM and SIGINT cancel.  Without --control stdin is left alone, but where\n"
	"--progress json is given and it is a pipe: then lines are obeyed too, and its end cancels.\n"
	"\n"
	"measure prints the exact length of the result and the bytes that must be read; map prints\n"
	"who owns each guest range, or with --svg draws it; verify says where the first difference\n"
	"is and which layer owns it.\n"
	"\n"
	"Exit status: 0 done and synced (verify: equal) · 1 I/O error (verify: different) · 2 usage\n"
	"· 3 image refused · 4 cancelled.  After 1, 3 and 4 a new output file is removed; with\n"
	"--resume it is kept after 1.\n";

/*
 * Takes what the caller has closed of descriptors 0 to 2, so that no image and no socket of ours gets
 * one of them: messages would go into it, and it would be read for commands.  Reading and writing fail
 * as before.
 */
static bool
take_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {{COPIER_COPY, copy_main},     {COPIER_MEASURE, measure_main},
					{COPIER_MAP, map_main},       {COPIER_VERIFY, verify_main},
					{COPIER_VOLUME, volume_main}, {COPIER_SEQUENCE, sequence_main}};

	if (!take_standard_descriptors())
	{
		perror("vmclone-copy: could not take the standard descriptors");
		return COPIER_EXIT_IO;
	}
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
	{
		fputs(help, stdout);
		return COPIER_EXIT_DONE;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
	{
#ifdef COPY_WITHOUT_SANDBOX
		puts("vmclone-copy " VMCLONE_VERSION " (built without the sandbox)");
#else
		puts("vmclone-copy " VMCLONE_VERSION);
#endif
		return COPIER_EXIT_DONE;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (argc > 2 && strcmp(argv[2], "--help") == 0 && commands[i].run != volume_main)
		{
			fputs(help, stdout);
			return COPIER_EXIT_DONE;
		}
		return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "vmclone-copy: unknown subcommand \"%s\"; see vmclone-copy --help\n",
				argv[1]);
	else
		fputs(
			"vmclone-copy: give a subcommand: copy, measure, map or verify; see vmclone-copy --help\n",
			stderr);
	return COPIER_EXIT_USAGE;
}
