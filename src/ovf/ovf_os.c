/*
 * ovf_os.c
 *		The names of operating systems that oVirt's osinfo files define, with their ids
 *		(vm_static.os).  The OVF holds the name.
 */
#include <strings.h>

#include "ovf/ovf_internal.h"

typedef struct OsName
{
	const char *name;
	int id;
} OsName;

static const OsName os_names[] = {
	{"other", 0},
	{"windows_xp", 1},
	{"windows_2003", 3},
	{"windows_2008", 4},
	{"other_linux", 5},
	{"rhel_5", 7},
	{"rhel_4", 8},
	{"rhel_3", 9},
	{"windows_2003x64", 10},
	{"windows_7", 11},
	{"windows_7x64", 12},
	{"rhel_5x64", 13},
	{"rhel_4x64", 14},
	{"rhel_3x64", 15},
	{"windows_2008x64", 16},
	{"windows_2008R2x64", 17},
	{"rhel_6", 18},
	{"rhel_6x64", 19},
	{"windows_8", 20},
	{"windows_8x64", 21},
	{"windows_2012x64", 23},
	{"rhel_7x64", 24},
	{"windows_2012R2x64", 25},
	{"windows_10", 26},
	{"windows_10x64", 27},
	{"rhel_atomic7x64", 28},
	{"windows_2016x64", 29},
	{"rhel_8x64", 30},
	{"windows_2019x64", 31},
	{"other_linux_kernel_4", 33},
	{"rhel_9x64", 34},
	{"rhcos_x64", 35},
	{"windows_11", 36},
	{"other_ppc64", 1001},
	{"other_linux_ppc64", 1002},
	{"rhel_6_ppc64", 1003},
	{"sles_11_ppc64", 1004},
	{"ubuntu_14_04_ppc64", 1005},
	{"rhel_7_ppc64", 1006},
	{"rhel_6_9_plus_ppc64", 1007},
	{"rhel_8_ppc64", 1008},
	{"rhel_9_ppc64", 1009},
	{"sles_11", 1193},
	{"ubuntu_12_04", 1252},
	{"ubuntu_12_10", 1253},
	{"ubuntu_13_04", 1254},
	{"ubuntu_13_10", 1255},
	{"ubuntu_14_04", 1256},
	{"ubuntu_18_04", 1257},
	{"debian_7", 1300},
	{"debian_9", 1301},
	{"freebsd", 1500},
	{"freebsdx64", 1501},
	{"other_s390x", 2001},
	{"other_linux_s390x", 2002},
	{"rhel_7_s390x", 2003},
	{"sles_12_s390x", 2004},
	{"ubuntu_16_04_s390x", 2005},
	/* dropped by the engine; it maps the name to the newer kernels' generic entry */
	{"Alma Linux 8+", 33},
	/* names before osinfo (3.2 and older); REHL3 is spelled so */
	{"Unassigned", 0},
	{"OtherLinux", 5},
	{"REHL3", 9},
	{"RHEL3", 9},
	{"RHEL3x64", 15},
	{"RHEL4", 8},
	{"RHEL4x64", 14},
	{"RHEL5", 7},
	{"RHEL5x64", 13},
	{"RHEL6", 18},
	{"RHEL6x64", 19},
	{"WindowsXP", 1},
	{"Windows2003", 3},
	{"Windows2008", 4},
	{"Windows2003x64", 10},
	{"Windows7", 11},
	{"Windows7x64", 12},
	{"Windows2008x64", 16},
	{"Windows2008R2x64", 17},
	{"Windows8", 20},
	{"Windows8x64", 21},
	{"Windows2012x64", 23},
};

int
ovf_os_id(const char *name)
{
	for (size_t i = 0; i < sizeof(os_names) / sizeof(os_names[0]); i++)
		if (strcasecmp(os_names[i].name, name) == 0)
			return os_names[i].id;
	return -1;
}
