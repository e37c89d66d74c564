/*
 * clone_usb.c
 *		USB controllers and slots of the new virtual machines.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/json_objects.h"
#include "ovirt/ovirt_codes.h"
#include "clone/clone_internal.h"
#include "clone/clone_usb.h"

#define DEFAULT_SLOTS        4
#define MOST_SLOTS           64
#define SLOTS_PER_CONTROLLER 6
#define COMPANIONS           3 /* UHCI controllers beside an EHCI one */

/* The snapshot's USB devices. */
typedef struct SourceUsb
{
	int slots;
	int controllers;
	bool disabled; /* its only controller is model "none" */
} SourceUsb;

static bool
is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

static SourceUsb
count_devices(const ClonePlan *plan)
{
	SourceUsb source = {0};
	bool none = false;

	for (int i = 0; i < plan->device_count; i++)
	{
		char *type = json_get_text(plan->devices[i], "type");
		char *device = json_get_text(plan->devices[i], "device");

		if (is(type, "redir") && is(device, "spicevmc"))
			source.slots++;
		else if (is(type, "controller") && is(device, "usb"))
		{
			source.controllers++;
			none = is(json_get_text(json_get(plan->devices[i], "spec_params"), "model"), "none");
		}
	}
	source.disabled = source.controllers == 1 && none;
	return source;
}

static void
add_controller(CloneUsb *usb, const char *model, int index)
{
	usb->controllers =
		lappend(usb->controllers, psprintf("{\"model\": \"%s\", \"index\": \"%d\"}", model, index));
}

/* Controllers for slots: one xHCI on Q35, else an EHCI with its companions for every six. */
static void
add_slot_controllers(CloneUsb *usb, bool is_q35, int slots)
{
	if (slots == 0)
		return;
	if (is_q35)
	{
		usb->controllers = lappend(usb->controllers, pstrdup("{\"model\": \"qemu-xhci\"}"));
		return;
	}
	for (int i = 0; i * SLOTS_PER_CONTROLLER < slots; i++)
	{
		add_controller(usb, "ich9-ehci1", i);
		for (int companion = 1; companion <= COMPANIONS; companion++)
			add_controller(usb, psprintf("ich9-uhci%d", companion), i);
	}
}

/* The controller of a machine that redirects nothing. */
static void
add_plain_controller(CloneUsb *usb, const ClonePlan *plan, bool is_q35)
{
	switch (plan->architecture)
	{
		case ARCHITECTURE_PPC64:
		case ARCHITECTURE_PPC:
		case ARCHITECTURE_PPC64LE:
		case ARCHITECTURE_PPCLE:
			add_controller(usb, "nec-xhci", 0);
			break;
		case ARCHITECTURE_S390X:
		case ARCHITECTURE_S390:
			break;
		default:
			add_controller(usb, is_q35 ? "qemu-xhci" : "piix3-uhci", 0);
	}
}

static void
leave_all_out(CloneUsb *usb, const char *reason)
{
	usb->keeps_controllers = false;
	usb->keeps_channels = false;
	usb->kept_slots = 0;
	usb->reason = reason;
}

CloneUsb
clone_usb_decide(const ClonePlan *plan, const Jsonb *vm_static, bool chipset_changes)
{
	Jsonb *old = json_get(plan->configuration, "vm_static");
	bool was_native = json_get_int64(old, "usb_policy", 0) == USB_POLICY_NATIVE;
	bool is_native = json_get_int64(vm_static, "usb_policy", 0) == USB_POLICY_NATIVE;
	bool was_fast = json_get_int64(old, "vm_type", 0) == VM_TYPE_HIGH_PERFORMANCE;
	bool is_fast = json_get_int64(vm_static, "vm_type", 0) == VM_TYPE_HIGH_PERFORMANCE;
	bool is_q35 = json_get_int64(vm_static, "bios_type", BIOS_I440FX) > BIOS_I440FX;
	int64 option = json_get_int64(plan->options, "NumberOfUSBSlots", DEFAULT_SLOTS);
	int slots = (int) Max(0, Min(option, MOST_SLOTS));
	SourceUsb source = count_devices(plan);
	CloneUsb usb = {
		.keeps_controllers = true,
		.keeps_channels = true,
		.kept_slots = source.slots,
	};

	if (!is_native && is_fast)
	{
		if (!was_native && was_fast && source.disabled)
			return usb;
		leave_all_out(&usb, "a high performance virtual machine has no USB");
		add_controller(&usb, "none", 0);
	}
	else if (is_native && (!was_native || chipset_changes))
	{
		leave_all_out(&usb, was_native ? "the chipset changes" : "USB redirection is enabled");
		add_slot_controllers(&usb, is_q35, slots);
		usb.new_slots = slots;
	}
	else if (is_native)
	{
		if (slots == source.slots)
			return usb;
		usb.reason = "the number of USB slots is the engine's";
		usb.kept_slots = Min(slots, source.slots);
		usb.new_slots = slots - usb.kept_slots;
		usb.keeps_controllers = slots > 0 && source.slots > 0;
		if (source.slots == 0)
			add_slot_controllers(&usb, is_q35, slots);
	}
	else if (was_native || (chipset_changes && source.controllers > 0))
	{
		leave_all_out(&usb, was_native ? "USB redirection is disabled" : "the chipset changes");
		add_plain_controller(&usb, plan, is_q35);
	}
	return usb;
}
