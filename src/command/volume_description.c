/*
 * volume_description.c
 *		What a volume's own metadata say of its disk, as oVirt's engine writes and reads it.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "command/command_steps.h"
#include "contract/copier_protocol.h"

#define OVERHEAD(key) (strlen("\"" key "\":\"\""))

/* Appends a UTF-16 code unit as the engine has it: four hex digits, the lower byte first. */
static void
append_code_unit(StringInfo to, unsigned int unit)
{
	appendStringInfo(to, "%02x%02x", unit & 0xff, unit >> 8);
}

/* A character in JSON, or its UTF-16 (little endian) in hex digits where the whole value is written so. */
static void
append_character(StringInfo to, unsigned int character, bool encoded)
{
	if (encoded && character >= 0x10000)
	{
		append_code_unit(to, 0xd800 + ((character - 0x10000) >> 10));
		append_code_unit(to, 0xdc00 + ((character - 0x10000) & 0x3ff));
	}
	else if (encoded)
		append_code_unit(to, character);
	else if (character < 0x20 || character == 0x7f)
		appendStringInfo(to, "\\u%04x", character);
	else
	{
		if (character == '"' || character == '\\')
			appendStringInfoChar(to, '\\');
		appendStringInfoChar(to, (char) character);
	}
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

/* The value in UTF-8; NULL where its bytes are no characters (a database in SQL_ASCII takes any). */
static const char *
utf8_of(const char *value)
{
	int length = (int) strlen(value);

	if (is_ascii(value))
		return value;
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return pg_verify_mbstr(PG_UTF8, value, length, true) ? value : NULL;
	return pg_server_to_any(value, length, PG_UTF8);
}

/* As many whole characters of the value as room bytes hold. */
static char *
cut_value(const char *utf8, bool encoded, size_t room)
{
	StringInfoData value;

	initStringInfo(&value);
	for (const unsigned char *at = (const unsigned char *) utf8; *at != '\0';
		 at += pg_utf_mblen(at))
	{
		int length = value.len;

		append_character(&value, utf8_to_unicode(at), encoded);
		if ((size_t) value.len > room)
		{
			value.len = length;
			value.data[length] = '\0';
			break;
		}
	}
	return value.data;
}

/*
 * {"DiskAlias":"…","DiskDescription":"…"}, at most COPIER_MAX_DESCRIPTION bytes, ASCII and valid JSON: the engine
 * imports disks by it (MetadataDiskDescriptionHandler).  A value with other characters is written as hex digits of its
 * UTF-16, and "Enc" is the sum of 1 (alias) and 2 (description) for those.  The alias comes first; what is too long is cut at
 * a character, and a description that has no room is left out.
 */
char *
command_volume_description(const char *alias, const char *description)
{
	const char *alias_utf8 = utf8_of(alias);
	const char *description_utf8 = utf8_of(description ? description : "");
	bool alias_encoded;
	bool description_encoded;
	size_t room = COPIER_MAX_DESCRIPTION - strlen("{}") - OVERHEAD("DiskAlias");
	StringInfoData text;
	char *value;

	alias_utf8 = alias_utf8 ? alias_utf8 : "";
	description_utf8 = description_utf8 ? description_utf8 : "";
	alias_encoded = !is_ascii(alias_utf8);
	description_encoded = !is_ascii(description_utf8);
	/* whether or not the description is cut away: one length for both */
	if (alias_encoded || description_encoded)
		room -= strlen(",\"Enc\":\"3\"");

	value = cut_value(alias_utf8, alias_encoded, room);
	room -= strlen(value);
	initStringInfo(&text);
	appendStringInfo(&text, "{\"DiskAlias\":\"%s\"", value);
	if (room > OVERHEAD("DiskDescription") + strlen(","))
	{
		room -= OVERHEAD("DiskDescription") + strlen(",");
		value = cut_value(description_utf8, description_encoded, room);
		appendStringInfo(&text, ",\"DiskDescription\":\"%s\"", value);
	}
	else
		description_encoded = false;
	if (alias_encoded || description_encoded)
		appendStringInfo(&text, ",\"Enc\":\"%d\"",
						 (alias_encoded ? 1 : 0) + (description_encoded ? 2 : 0));
	appendStringInfoChar(&text, '}');
	return text.data;
}
