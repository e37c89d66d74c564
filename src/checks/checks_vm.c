/*
 * checks_vm.c
 *		V25, V29, V37 and V40: values of the new vm_static.
 */
#include "postgres.h"

#include "base/json.h"
#include "checks/check_table.h"

void
check_monitors(CheckRun *run)
{
	int64 monitors = planned_integer(run, "num_of_monitors", 1);

	if (monitors != 0 && monitors != 1 && monitors != 2 && monitors != 4)
		refuse(run, psprintf("num_of_monitors is " INT64_FORMAT ".", monitors),
			   "the number of monitors is not valid");
}

void
check_priority(CheckRun *run)
{
	int64 priority = planned_integer(run, "priority", 0);

	if (priority < 0 || priority > 100)
		refuse(run, psprintf("priority is " INT64_FORMAT ".", priority),
			   "the priority of the virtual machine is not valid");
}

void
check_host_cpu(CheckRun *run)
{
	if (is_power(run->plan->architecture) && json_get_bool(run->vm_static, "host_cpu_flags", false))
		refuse(run, NULL, "cluster \"%s\" cannot pass the host's CPU through",
			   run->plan->cluster_name);
}

static void
check_count(CheckRun *run, const char *column, const char *option, int64 built_in, const char *what)
{
	int64 count = planned_integer(run, column, 1);
	int64 most = json_get_int64(run->plan->options, option, built_in);

	if (count < 1 || count > most)
		refuse(run,
			   psprintf("%s is " INT64_FORMAT "; 1 to " INT64_FORMAT " are allowed.", column, count,
						most),
			   "the number of %s is not valid", what);
}

void
check_sockets(CheckRun *run)
{
	check_count(run, "num_of_sockets", "MaxNumOfVmSockets", 16, "sockets");
}

void
check_cpu_per_socket(CheckRun *run)
{
	check_count(run, "cpu_per_socket", "MaxNumOfCpuPerSocket", 254, "cores per socket");
}

void
check_threads_per_cpu(CheckRun *run)
{
	check_count(run, "threads_per_cpu", "MaxNumOfThreadsPerCpu", 8, "threads per core");
}

int64
virtual_processors(const CheckRun *run)
{
	return planned_integer(run, "num_of_sockets", 1) * planned_integer(run, "cpu_per_socket", 1) *
		   planned_integer(run, "threads_per_cpu", 1);
}

/* A number, or by architecture: "{x86=710,ppc=384,s390x=384}". */
static bool
read_cpu_limit(const char *option, const char *family, int64 *limit)
{
	const char *place;

	if (option == NULL)
		return false;
	if (sscanf(option, INT64_FORMAT, limit) == 1)
		return true;
	place = strstr(option, psprintf("%s=", family));
	return place && sscanf(place + strlen(family) + 1, INT64_FORMAT, limit) == 1;
}

void
check_cpu_count(CheckRun *run)
{
	int architecture = run->plan->architecture;
	const char *family = is_s390(architecture) ? "s390x" : is_power(architecture) ? "ppc" : "x86";
	int64 processors = virtual_processors(run);
	int64 limit;

	if (read_cpu_limit(json_get_text(run->plan->options, "MaxNumOfVmCpus"), family, &limit) &&
		processors > limit)
		refuse(run,
			   psprintf("It would have " INT64_FORMAT " processors; " INT64_FORMAT " are allowed.",
						processors, limit),
			   "the clone has too many processors");
}

void
check_cpu_shares(CheckRun *run)
{
	int64 shares = planned_integer(run, "cpu_shares", 0);

	if (shares != 0 && (shares < 2 || shares > 262144))
		refuse(run, psprintf("cpu_shares is " INT64_FORMAT ".", shares),
			   "the CPU shares of the virtual machine are not valid");
}

void
check_minimum_memory(CheckRun *run)
{
	int64 memory = planned_integer(run, "mem_size_mb", 0);
	int64 least = planned_integer(run, "min_allocated_mem", 0);

	if (least > memory)
		refuse(run,
			   psprintf("min_allocated_mem is " INT64_FORMAT " MiB, mem_size_mb " INT64_FORMAT
						" MiB.",
						least, memory),
			   "the guaranteed memory is more than the memory");
}

void
check_maximum_memory(CheckRun *run)
{
	int64 memory = planned_integer(run, "mem_size_mb", 0);
	int64 most = planned_integer(run, "max_memory_size_mb", 0);

	if (most < memory)
		refuse(run,
			   psprintf("max_memory_size_mb is " INT64_FORMAT " MiB, mem_size_mb " INT64_FORMAT
						" MiB.",
						most, memory),
			   "the maximum memory is less than the memory");
}
