/*-------------------------------------------------------------------------
 *
 * model_bytes.c
 *	  Types that hold a fitted model: a stream of bytes, the same everywhere.
 *
 * As text they are base64.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/base64.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "model_bytes.h"

#include "compat.h"

Datum
model_in(const char *text, const char *type, ModelCheck check)
{
	int			room = pg_b64_dec_len(strlen(text));
	bytea	   *result = palloc(VARHDRSZ + room + 1);
	int			length = pg_b64_decode(text, strlen(text), VARDATA(result), room);

	if (length < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("text of a %s is not base64", type),
				 errhint("It is what a %s's output was, and nothing else.", type)));
	SET_VARSIZE(result, VARHDRSZ + length);
	check(VARDATA(result), length);
	return PointerGetDatum(result);
}

PG_FUNCTION_INFO_V1(tiering_model_out);
Datum
tiering_model_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int			length = VARSIZE_ANY_EXHDR(value);
	int			room = pg_b64_enc_len(length);
	char	   *text = palloc(room + 1);

	room = pg_b64_encode(VARDATA_ANY(value), length, text, room);
	if (room < 0)
		elog(ERROR, "model could not be encoded");
	text[room] = '\0';
	PG_RETURN_CSTRING(text);
}

Datum
model_recv(StringInfo message, ModelCheck check)
{
	int			length = message->len - message->cursor;
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	pq_copymsgbytes(message, VARDATA(result), length);
	check(VARDATA(result), length);
	return PointerGetDatum(result);
}

PG_FUNCTION_INFO_V1(tiering_model_send);
Datum
tiering_model_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* In UTF-8, whatever the database has */
void
model_write_name(StringInfo bytes, const char *name)
{
	char	   *utf8 = pg_server_to_any(name, strlen(name), PG_UTF8);

	pq_sendint16(bytes, strlen(utf8));
	pq_sendbytes(bytes, utf8, strlen(utf8));
}

/* A name of so many bytes at most, in the encoding of the database */
char *
model_read_name(StringInfo bytes, int most, ModelRefuse refuse)
{
	int			length = pq_getmsgint(bytes, 2);
	const char *utf8;

	if (length > most)
		refuse("a name is too long");
	utf8 = pq_getmsgbytes(bytes, length);
	if (memchr(utf8, 0, length) != NULL || !pg_verify_mbstr(PG_UTF8, utf8, length, true))
		refuse("a name is no text");
	return pnstrdup(pg_any_to_server(pnstrdup(utf8, length), length, PG_UTF8), most * 4);
}
