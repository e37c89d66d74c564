/*
 * checks_vm.c
 *		V25, V29, V37 and V40: values of the new vm_static.
 */
#include "postgres.h"

#include "check_table.h"
#include "json.h"

void
check_monitors(CheckRun *run)
{
	int64 monitors = planned_integer(run->plan, "num_of_monitors", 1);

	if (monitors != 0 && monitors != 1 && monitors != 2 && monitors != 4)
		refuse(run, psprintf("num_of_monitors is " INT64_FORMAT ".", monitors),
			   "the number of monitors is not valid");
}

void
check_priority(CheckRun *run)
{
	int64 priority = planned_integer(run->plan, "priority", 0);

	if (priority < 0 || priority > 100)
		refuse(run, psprintf("priority is " INT64_FORMAT ".", priority),
			   "the priority of the virtual machine is not valid");
}

void
check_host_cpu(CheckRun *run)
{
	int architecture = run->plan->architecture;
	bool power = architecture == 2 || architecture == 3 || architecture == 5 || architecture == 6;

	if (power && json_get_bool(run->plan->vm_static, "host_cpu_flags", false))
		refuse(run, NULL, "cluster \"%s\" cannot pass the host's CPU through",
			   run->plan->cluster_name);
}

static void
check_count(CheckRun *run, const char *column, const char *option, int64 built_in, const char *what)
{
	int64 count = planned_integer(run->plan, column, 1);
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

void
check_cpu_shares(CheckRun *run)
{
	int64 shares = planned_integer(run->plan, "cpu_shares", 0);

	if (shares != 0 && (shares < 2 || shares > 262144))
		refuse(run, psprintf("cpu_shares is " INT64_FORMAT ".", shares),
			   "the CPU shares of the virtual machine are not valid");
}

void
check_minimum_memory(CheckRun *run)
{
	int64 memory = planned_integer(run->plan, "mem_size_mb", 0);
	int64 least = planned_integer(run->plan, "min_allocated_mem", 0);

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
	int64 memory = planned_integer(run->plan, "mem_size_mb", 0);
	int64 most = planned_integer(run->plan, "max_memory_size_mb", 0);

	if (most < memory)
		refuse(run,
			   psprintf("max_memory_size_mb is " INT64_FORMAT " MiB, mem_size_mb " INT64_FORMAT
						" MiB.",
						most, memory),
			   "the maximum memory is less than the memory");
}
