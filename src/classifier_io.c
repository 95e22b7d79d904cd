/*-------------------------------------------------------------------------
 *
 * classifier_io.c
 *	  Bytes of the type classifier: written, checked and read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "classifier.h"
#include "model_bytes.h"
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
		model_write_name(&bytes, classifier->name[f]);
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
			classifier->name[f] = model_read_name(&bytes, CLASSIFIER_NAME, classifier_refuse);
	}
	classifier->topic = palloc0(classifier->features * sizeof(FeatureTopic));
	for (int f = 0; classifier->name != NULL && f < classifier->features; f++)
		classifier->topic[f].topic = churn_topic(classifier->name[f], &classifier->topic[f].words, &classifier->topic[f].direction);
	classifier->method->read(&bytes, classifier);
	pq_getmsgend(&bytes);
	return classifier;
}

/* --- the type ----------------------------------------------------------------- */

static void
check_classifier(const char *data, int length)
{
	read_classifier(data, length);
}

PG_FUNCTION_INFO_V1(tiering_classifier_in);
Datum
tiering_classifier_in(PG_FUNCTION_ARGS)
{
	return model_in(PG_GETARG_CSTRING(0), "classifier", check_classifier);
}

PG_FUNCTION_INFO_V1(tiering_classifier_recv);
Datum
tiering_classifier_recv(PG_FUNCTION_ARGS)
{
	return model_recv((StringInfo) PG_GETARG_POINTER(0), check_classifier);
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
