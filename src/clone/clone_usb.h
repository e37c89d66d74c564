/*
 * clone_usb.h
 *		USB controllers and slots of the new virtual machines, by the engine's rules for a change of
 *		USB policy, type or chipset (ovirt-clone.md, "Devices").
 */
#ifndef VMCLONE_CLONE_USB_H
#define VMCLONE_CLONE_USB_H

#include "plan/plan.h"

/* What becomes of the snapshot's USB devices, and what is new. */
typedef struct CloneUsb
{
	bool keeps_controllers;
	bool keeps_channels; /* redirdev/spicevmc */
	int kept_slots;      /* so many of redir/spicevmc are copied */
	List *controllers;   /* char *: spec_params of new controllers */
	int new_slots;
	const char *reason; /* why anything is left out or new; NULL: nothing is */
} CloneUsb;

/*
 * vm_static: the new one; chipset_changes: against the snapshot's.  The number of slots is option
 * NumberOfUSBSlots, 4 where the engine sets none.  Changes nothing where neither VM redirects USB
 * devices and the chipset stays: which controller an operating system needs, only the engine knows.
 */
extern CloneUsb clone_usb_decide(const ClonePlan *plan, const Jsonb *vm_static,
								 bool chipset_changes);

#endif
