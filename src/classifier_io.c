/*-------------------------------------------------------------------------
 *
 * classifier_io.c
 *	  Bytes of the type classifier: written, checked and read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/base64.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "classifier.h"
#include "model/churn.h"

#include "compat.h"

#define FORMAT			1		/* first byte */
#define CHECKSUM_SIZE	4
#define MOST_ROWS		1e15

static const ClassifierMethod *const methods[] = {&logistic_method, &boosting_method};

/* --- writing ---------------------------------------------------------------- */

static uint32
checksum(const char *bytes, int length)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes, length);
	FIN_CRC32C(crc);
	return crc;
}

static void
write_name(StringInfo bytes, const char *name)
{
	char	   *utf8 = pg_server_to_any(name, strlen(name), PG_UTF8);

	pq_sendint16(bytes, strlen(utf8));
	pq_sendbytes(bytes, utf8, strlen(utf8));
}

Datum
classifier_make(const Classifier *classifier)
{
	StringInfoData bytes;

	pq_begintypsend(&bytes);
	pq_sendbyte(&bytes, FORMAT);
	pq_sendbyte(&bytes, classifier->method->number);
	pq_sendint32(&bytes, classifier->features);
	pq_sendfloat8(&bytes, classifier->rows);
	pq_sendbyte(&bytes, classifier->takes_asinh);
	pq_sendbyte(&bytes, classifier->name != NULL);
	for (int f = 0; classifier->name != NULL && f < classifier->features; f++)
		write_name(&bytes, classifier->name[f]);
	classifier->method->write(&bytes, classifier);
	pq_sendint32(&bytes, checksum(bytes.data + VARHDRSZ, bytes.len - VARHDRSZ));
	return PointerGetDatum(pq_endtypsend(&bytes));
}

/* --- reading ---------------------------------------------------------------- */

void
classifier_refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("classifier is damaged: %s", what),
			 errhint("Fit it again, or take it from where it was made.")));
}

double
classifier_read_number(StringInfo bytes, bool may_be_missing)
{
	double		number = pq_getmsgfloat8(bytes);

	if (isinf(number) || (isnan(number) && !may_be_missing))
		classifier_refuse("a number is not finite");
	return number;
}

double
classifier_read_up_to(StringInfo bytes, double most)
{
	double		number = classifier_read_number(bytes, false);

	if (fabs(number) > most)
		classifier_refuse("a number is too large");
	return number;
}

double
classifier_read_from_0(StringInfo bytes)
{
	double		number = classifier_read_up_to(bytes, CLASSIFIER_NUMBER);

	if (number < 0)
		classifier_refuse("a number is negative");
	return number;
}

/* A number of rows */
double
classifier_read_count(StringInfo bytes)
{
	double		count = classifier_read_from_0(bytes);

	if (count > MOST_ROWS)
		classifier_refuse("a number is too large");
	return count;
}

static char *
read_name(StringInfo bytes)
{
	int			length = pq_getmsgint(bytes, 2);
	const char *utf8;

	if (length > CLASSIFIER_NAME)
		classifier_refuse("a name is too long");
	utf8 = pq_getmsgbytes(bytes, length);
	if (memchr(utf8, 0, length) != NULL || !pg_verify_mbstr(PG_UTF8, utf8, length, true))
		classifier_refuse("a name is no text");
	return pnstrdup(pg_any_to_server(pnstrdup(utf8, length), length, PG_UTF8), CLASSIFIER_NAME * 4);
}

static const ClassifierMethod *
read_method(StringInfo bytes)
{
	int			number = pq_getmsgbyte(bytes);

	for (int i = 0; i < lengthof(methods); i++)
		if (methods[i]->number == number)
			return methods[i];
	classifier_refuse("its kind is unknown");
}

/* Reads and checks a stream, with its checksum */
static Classifier *
read_classifier(const char *data, int length)
{
	Classifier *classifier = palloc0(sizeof(Classifier));
	StringInfoData bytes = {.data = unconstify(char *, data), .len = length, .maxlen = length};

	if (length <= CHECKSUM_SIZE)
		classifier_refuse("it is too short");
	bytes.cursor = length - CHECKSUM_SIZE;
	if (pq_getmsgint(&bytes, 4) != checksum(data, length - CHECKSUM_SIZE))
		classifier_refuse("its checksum is another");
	bytes.len -= CHECKSUM_SIZE;
	bytes.cursor = 0;
	if (pq_getmsgbyte(&bytes) != FORMAT)
		classifier_refuse("its format is unknown");
	classifier->method = read_method(&bytes);
	classifier->features = pq_getmsgint(&bytes, 4);
	if (classifier->features < 1 || classifier->features > CLASSIFIER_FEATURES)
		classifier_refuse("it has a wrong number of features");
	classifier->rows = classifier_read_count(&bytes);
	classifier->takes_asinh = pq_getmsgbyte(&bytes) != 0;
	if (pq_getmsgbyte(&bytes) != 0)
	{
		classifier->name = palloc(classifier->features * sizeof(char *));
		for (int f = 0; f < classifier->features; f++)
			classifier->name[f] = read_name(&bytes);
	}
	classifier->topic = palloc0(classifier->features * sizeof(FeatureTopic));
	for (int f = 0; classifier->name != NULL && f < classifier->features; f++)
		classifier->topic[f].topic = churn_topic(classifier->name[f], &classifier->topic[f].words, &classifier->topic[f].direction);
	classifier->method->read(&bytes, classifier);
	pq_getmsgend(&bytes);
	return classifier;
}

/* --- the type ----------------------------------------------------------------- */

PG_FUNCTION_INFO_V1(tiering_classifier_in);
Datum
tiering_classifier_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int			room = pg_b64_dec_len(strlen(text));
	bytea	   *result = palloc(VARHDRSZ + room + 1);
	int			length = pg_b64_decode(text, strlen(text), VARDATA(result), room);

	if (length < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("text of a classifier is not base64"),
				 errhint("It is what a classifier's output was, and nothing else.")));
	SET_VARSIZE(result, VARHDRSZ + length);
	read_classifier(VARDATA(result), length);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(tiering_classifier_out);
Datum
tiering_classifier_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int			length = VARSIZE_ANY_EXHDR(value);
	int			room = pg_b64_enc_len(length);
	char	   *text = palloc(room + 1);

	room = pg_b64_encode(VARDATA_ANY(value), length, text, room);
	if (room < 0)
		elog(ERROR, "classifier could not be encoded");
	text[room] = '\0';
	PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(tiering_classifier_recv);
Datum
tiering_classifier_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length = message->len - message->cursor;
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	pq_copymsgbytes(message, VARDATA(result), length);
	read_classifier(VARDATA(result), length);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(tiering_classifier_send);
Datum
tiering_classifier_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* --- use ---------------------------------------------------------------------- */

#define KEPT			8		/* classifiers that a call site knows at once */

/* One that was read, and of which value */
typedef struct Known
{
	MemoryContext context;
	struct varlena *value;		/* as it was passed: a TOAST pointer will do */
	Classifier *classifier;
} Known;

typedef struct Kept
{
	int			next;			/* the one that goes when another comes */
	Known		known[KEPT];
} Kept;

static Kept *
kept_by(FunctionCallInfo fcinfo)
{
	Kept	   *kept = fcinfo->flinfo->fn_extra;

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept));
		for (int i = 0; i < KEPT; i++)
			kept->known[i].context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt,
														   "classifier", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = kept;
	}
	return kept;
}

/* Is this the value that was read?  Another one mostly differs in its last bytes. */
static bool
is_known(const Known *known, const struct varlena *value)
{
	Size		size = VARSIZE_ANY(value);
	Size		before_end = size - CHECKSUM_SIZE;

	if (known->value == NULL || VARSIZE_ANY(known->value) != size || size <= VARHDRSZ + CHECKSUM_SIZE ||
		memcmp((const char *) known->value + before_end, (const char *) value + before_end, CHECKSUM_SIZE) != 0)
		return false;
	return memcmp(known->value, value, size) == 0;
}

static void
read_known(Known *known, struct varlena *value)
{
	MemoryContext caller;
	struct varlena *plain;
	Classifier *classifier;

	known->value = NULL;
	MemoryContextReset(known->context);
	caller = MemoryContextSwitchTo(known->context);
	plain = pg_detoast_datum_packed(value);
	classifier = read_classifier(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
	known->classifier = classifier;
	known->value = memcpy(palloc(VARSIZE_ANY(value)), value, VARSIZE_ANY(value));
	MemoryContextSwitchTo(caller);
}

/* A classifier, which is read once for a row of calls with the same few */
const Classifier *
classifier_argument(FunctionCallInfo fcinfo, int argument)
{
	struct varlena *value = (struct varlena *) PG_GETARG_POINTER(argument);
	Kept	   *kept = kept_by(fcinfo);
	Known	   *known;

	for (int i = 0; i < KEPT; i++)
		if (is_known(&kept->known[i], value))
			return kept->known[i].classifier;
	known = &kept->known[kept->next];
	kept->next = (kept->next + 1) % KEPT;
	read_known(known, value);
	return known->classifier;
}
