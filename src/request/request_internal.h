/*
 * request_internal.h
 *		What the files that parse a request share.
 *
 * Parameter is the name of the parameter whose value the object is, or request_itself for the
 * object of all parameters, whose keys are their names.  What is null counts as absent.  Errors:
 * 22023 for a wrong type, an unknown key and a value out of range, 22P02 for text that is no uuid.
 */
#ifndef VMCLONE_REQUEST_INTERNAL_H
#define VMCLONE_REQUEST_INTERNAL_H

#include "base/compat.h"
#include "request/request.h"

extern const char request_itself[];

/* "Valid values are ALLOWED." */
pg_noreturn extern void request_refuse_value(const char *parameter, const char *value,
											 const char *allowed);

/* "… is not EXPECTED": "a string", for example. */
pg_noreturn extern void request_refuse_type(const char *parameter, const char *key,
											const char *expected);

/* The value below a key; NULL where absent. */
extern JsonbValue *request_value(const Jsonb *object, const char *key);

/* A copy; NULL where absent. */
extern char *request_text(const Jsonb *object, const char *parameter, const char *key);

extern bool request_boolean(const Jsonb *object, const char *parameter, const char *key,
							bool absent);

extern OptionalUuid request_uuid(const Jsonb *object, const char *parameter, const char *key);

/* A string or a number; oVirt's codes and words are both at home in configurations. */
extern void request_check_scalar(const Jsonb *object, const char *parameter, const char *key);

/* Refuses an object with a key that is none of the allowed ones, which end with NULL. */
extern void request_check_keys(Jsonb *object, const char *parameter, const char *const *allowed);

/* Refuses what is no object keyed by column of vm_static; NULL passes. */
extern void request_check_object(const Jsonb *object, const char *parameter);

/* The elements of an array, at most limit, each an object with known keys; NULL is no element. */
extern Jsonb **request_objects(Jsonb *array, const char *parameter, const char *const *allowed,
							   int limit, int *count);

/* Array parameters; each may be NULL. */
extern void request_parse_disks(CloneRequest *request, Jsonb *array);
extern void request_check_interfaces(Jsonb *array);
extern void request_parse_copy_overrides(CloneRequest *request, Jsonb *array);

#endif
