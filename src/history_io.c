/*-------------------------------------------------------------------------
 *
 * history_io.c
 *	  Text and binary forms of purchase_history.
 *
 * The text is   format ; scale { ; day , orders , gross [ , refunded ] }
 * for example   1;2;2011-01-03,2,74.50;2011-02-14,0,0.00,12.90
 * with ISO dates in ascending order, whatever the session's settings are.
 * The binary form is the stored one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/datetime.h"

#include "history.h"

#include "compat.h"

static void text_refused(const char *text, const char *at,
						 const char *detail) pg_attribute_noreturn();

/* Raises the syntax error that says where reading stopped */
static void
text_refused(const char *text, const char *at, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%.*s\"",
					"purchase_history", 64, text),
			 errdetail("%s Reading stopped at character %zu.", detail,
					   (size_t) (at - text) + 1)));
}

/* Reads digits only, up to a limit; NULL if there are none or too many */
static const char *
read_number(const char *p, int64 limit, int64 *number)
{
	const char *start = p;

	for (*number = 0; *p >= '0' && *p <= '9'; p++)
	{
		*number = *number * 10 + (*p - '0');
		if (*number > limit)
			return NULL;
	}
	return p == start ? NULL : p;
}

/* Reads YYYY-MM-DD; NULL if it is no day of the calendar */
static const char *
read_day(const char *p, int32 *day)
{
	int64		part[3];		/* year, month, day */
	int			y;
	int			m;
	int			d;

	for (int i = 0; i < 3; i++)
	{
		const char *start = p;

		if (i > 0 && *p++ != '-')
			return NULL;
		start = p;
		p = read_number(p, 9999, &part[i]);
		if (p == NULL || p - start != (i == 0 ? 4 : 2))
			return NULL;
	}
	if (part[0] < 1 || part[1] < 1 || part[1] > 12 || part[2] < 1)
		return NULL;
	*day = date2j((int) part[0], (int) part[1], (int) part[2]) -
		POSTGRES_EPOCH_JDATE + HISTORY_DAY_OF_EPOCH;
	/* the way back shows whether the month has that day */
	j2date(*day - HISTORY_DAY_OF_EPOCH + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	return (d == part[2] && m == part[1]) ? p : NULL;
}

/* Steps over the comma that must stand here */
static const char *
read_comma(const char *text, const char *p)
{
	if (*p != ',')
		text_refused(text, p, "A comma is expected.");
	return p + 1;
}

/* Reads an amount of money */
static const char *
read_money(const char *text, const char *p, int scale, Units *units)
{
	const char *after = units_parse(p, scale, units);

	if (after == NULL)
		text_refused(text, p,
					 "An amount of money within the scale is expected.");
	return after;
}

/* Reads one entry after its semicolon */
static const char *
read_entry(const char *text, const char *start, int scale, HistoryDay *entry)
{
	const char *p = read_day(start, &entry->day);
	const char *after;
	int64		orders;

	if (p == NULL)
		text_refused(text, start, "A date as YYYY-MM-DD is expected.");
	p = read_comma(text, p);
	after = read_number(p, HISTORY_MAX_ORDERS, &orders);
	if (after == NULL)
		text_refused(text, p, "A number of orders is expected.");
	entry->orders = (uint32_t) orders;
	p = read_money(text, read_comma(text, after), scale, &entry->gross);
	entry->refunded = 0;
	if (*p == ',')
		p = read_money(text, p + 1, scale, &entry->refunded);
	if (entry->orders == 0 && entry->gross > 0)
		text_refused(text, start, "A day without orders has no gross money.");
	if (entry->orders == 0 && entry->refunded == 0)
		text_refused(text, start, "A day has an order or a refund.");
	return p;
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_in);
Datum
tiering_purchase_history_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	const char *p;
	int64		number;
	int			scale;
	Size		count = 0;
	Size		room = 8;
	HistoryDay *days = palloc(room * sizeof(HistoryDay));

	if ((p = read_number(text, 9999, &number)) == NULL)
		text_refused(text, text, "A format number is expected.");
	if (number != HISTORY_FORMAT)
		text_refused(text, text, "This version reads format 1.");
	if (*p != ';')
		text_refused(text, p, "A semicolon is expected.");
	if (p[1] < '0' || p[1] > '0' + UNITS_MAX_SCALE)
		text_refused(text, p + 1, "A scale from 0 to 6 is expected.");
	scale = p[1] - '0';

	for (p += 2; *p != '\0';)
	{
		const char *at = p;

		CHECK_FOR_INTERRUPTS();
		if (*p++ != ';')
			text_refused(text, at, "A semicolon or the end is expected.");
		if (count == room)
		{
			room *= 2;
			days = repalloc_huge(days, room * sizeof(HistoryDay));
		}
		p = read_entry(text, p, scale, &days[count]);
		if (count > 0 && days[count].day <= days[count - 1].day)
			text_refused(text, at + 1, "Dates must be in ascending order.");
		count++;
	}
	PG_RETURN_DATUM(history_make(days, count, scale));
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_out);
Datum
tiering_purchase_history_out(PG_FUNCTION_ARGS)
{
	HistoryReader reader;
	HistoryDay	day;
	StringInfoData text;

	history_read(PG_GETARG_DATUM(0), &reader);
	initStringInfo(&text);
	appendStringInfo(&text, "%d;%d", HISTORY_FORMAT, reader.scale);
	while (history_step(&reader, &day))
	{
		char		money[UNITS_TEXT_MAX];
		int			y;
		int			m;
		int			d;

		j2date(day.day - HISTORY_DAY_OF_EPOCH + POSTGRES_EPOCH_JDATE,
			   &y, &m, &d);
		units_print(money, (SignedUnits) day.gross, reader.scale);
		appendStringInfo(&text, ";%04d-%02d-%02d,%u,%s",
						 y, m, d, day.orders, money);
		if (day.refunded > 0)
		{
			units_print(money, (SignedUnits) day.refunded, reader.scale);
			appendStringInfo(&text, ",%s", money);
		}
	}
	PG_RETURN_CSTRING(text.data);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_recv);
Datum
tiering_purchase_history_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;
	const char *data = pq_getmsgbytes(message, size);
	struct varlena *result;

	if (history_check((const uint8_t *) data, size) != HISTORY_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary form of type %s, %d bytes",
						"purchase_history", size),
				 errhint("Send what a binary read of the type gave.")));
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), data, size);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_send);
Datum
tiering_purchase_history_send(PG_FUNCTION_ARGS)
{
	size_t		count;
	int			scale;
	HistoryDay *days = history_days(PG_GETARG_DATUM(0), 0, &count, &scale);
	struct varlena *canonical = (struct varlena *)
		DatumGetPointer(history_make(days, count, scale));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA(canonical),
				 VARSIZE(canonical) - VARHDRSZ);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
