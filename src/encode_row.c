/*-------------------------------------------------------------------------
 *
 * encode_row.c
 *	  Rows of any type become features.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "classifier.h"
#include "encoding.h"

#include "compat.h"

#define DAYS_IN_MONTH	30		/* of an interval */

/* Where a column of the encoding is in a row */
typedef struct Place
{
	int			index;
	Oid			type;			/* below domains */
	FmgrInfo	out;			/* writes it as text */
} Place;

/* What a call site keeps */
typedef struct KnownRow
{
	MemoryContext context;
	struct varlena *document;	/* NULL: nothing is known */
	Encoding   *encoding;
	uint64		identifier;		/* of the row's type, as it is now */
	Place	   *place;
	Datum	   *value;
	bool	   *null;
} KnownRow;

/* --- one value ---------------------------------------------------------------- */

static void pg_attribute_noreturn()
refuse_value(const char *column, const char *text, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" is \"%s\", which is no %s", column, text, what),
			 errhint("Pass the types that the model was trained on, and NULL for what is not known.")));
}

/* Text without blanks around it; NULL if nothing is left */
static char *
trim(char *text)
{
	char	   *end;

	while (*text == ' ')
		text++;
	end = text + strlen(text);
	while (end > text && end[-1] == ' ')
		*--end = '\0';
	return *text == '\0' ? NULL : text;
}

static double
number_of_text(char *text, const char *column)
{
	char	   *end;
	double		number;

	text = trim(text);
	if (text == NULL)
		return NAN;
	number = strtod(text, &end);
	/* no hexadecimal numbers and no names of numbers */
	if (end == text || *end != '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
		refuse_value(column, text, "number");
	return number;
}

static double
days_of_interval(const Interval *interval)
{
	return (double) interval->month * DAYS_IN_MONTH + interval->day + interval->time / (double) USECS_PER_DAY;
}

static double
number_of(Datum value, Place *place, const char *column)
{
	switch (place->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case NUMERICOID:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
		case INTERVALOID:
			return days_of_interval(DatumGetIntervalP(value));
		case BOOLOID:
			return DatumGetBool(value) ? 1 : 0;
		default:
			return number_of_text(OutputFunctionCall(&place->out, value), column);
	}
}

static double
boolean_of(Datum value, Place *place, const char *column)
{
	char	   *text;
	bool		is_true;

	if (place->type == BOOLOID)
		return DatumGetBool(value) ? 1 : 0;
	text = trim(OutputFunctionCall(&place->out, value));
	if (text == NULL)
		return NAN;
	if (!parse_bool(text, &is_true))
		refuse_value(column, text, "boolean");
	return is_true ? 1 : 0;
}

/* Days since 2000-01-01 */
static double
date_of(Datum value, Place *place, const char *column)
{
	if (place->type == DATEOID && !DATE_NOT_FINITE(DatumGetDateADT(value)))
		return DatumGetDateADT(value);
	if ((place->type == TIMESTAMPOID || place->type == TIMESTAMPTZOID) && !TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
		return DatumGetTimestamp(value) / (double) USECS_PER_DAY;
	refuse_value(column, OutputFunctionCall(&place->out, value), "finite date");
}

/* Marks the feature of a value, if it has one */
static void
mark_text(char *text, const EncodedColumn *column, Datum *feature)
{
	int			place = column->values + column->has_other;

	text = text == NULL ? NULL : trim(text);
	if (text == NULL && !column->has_missing)
		return;
	if (text != NULL)
	{
		for (place = 0; place < column->values && strcmp(text, column->value[place]) != 0;)
			place++;
		if (place == column->values && (!column->has_other || (column->reference != NULL && strcmp(text, column->reference) == 0)))
			return;
	}
	feature[place] = Float8GetDatum(1);
}

static void
encode_value(Datum value, bool is_null, Place *place, const EncodedColumn *column, Datum *feature, bool *null)
{
	double		number = NAN;

	if (column->kind == ENCODING_TEXT)
	{
		for (int i = 0; i < encoding_width(column); i++)
		{
			feature[i] = Float8GetDatum(0);
			null[i] = false;
		}
		mark_text(is_null ? NULL : OutputFunctionCall(&place->out, value), column, feature);
		return;
	}
	if (!is_null)
	{
		number = column->kind == ENCODING_NUMBER ? number_of(value, place, column->name)
			: column->kind == ENCODING_BOOLEAN ? boolean_of(value, place, column->name)
			: date_of(value, place, column->name);
		/* blank text is missing, a NaN is nonsense */
		if (isinf(number) || (isnan(number) && (place->type == FLOAT4OID || place->type == FLOAT8OID || place->type == NUMERICOID)))
			refuse_value(column->name, OutputFunctionCall(&place->out, value), "finite number");
	}
	*null = isnan(number);
	*feature = Float8GetDatum(number);
}

/* --- rows --------------------------------------------------------------------- */

static void
find_places(KnownRow *known, TupleDesc row)
{
	known->place = palloc(known->encoding->columns * sizeof(Place));
	for (int c = 0; c < known->encoding->columns; c++)
	{
		const char *name = known->encoding->column[c].name;
		Place	   *place = &known->place[c];
		EncodingKind kind;
		Oid			out;
		bool		is_varlena;

		for (place->index = 0; place->index < row->natts; place->index++)
			if (!TupleDescAttr(row, place->index)->attisdropped &&
				strcmp(NameStr(TupleDescAttr(row, place->index)->attname), name) == 0)
				break;
		if (place->index == row->natts)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("row has no column \"%s\"", name),
					 errhint("Pass a row with all columns that the model was trained on; NULL is what is not known.")));
		place->type = getBaseType(TupleDescAttr(row, place->index)->atttypid);
		if (!encoding_kind_of_type(place->type, &kind))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is of type %s, which cannot be encoded", name, format_type_be(place->type)),
					 errhint("Cast it to a number, a boolean, a date or text.")));
		getTypeOutputInfo(place->type, &out, &is_varlena);
		fmgr_info_cxt(out, &place->out, known->context);
	}
}

/* What is known of the encoding and of the type of a row, read once for many */
static KnownRow *
known_row(FunctionCallInfo fcinfo, struct varlena *document, HeapTupleHeader tuple)
{
	KnownRow   *known = fcinfo->flinfo->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(tuple);
	int32		typmod = HeapTupleHeaderGetTypMod(tuple);
	/* another one after ALTER TABLE */
	uint64		identifier = assign_record_type_identifier(type, typmod);
	TupleDesc	row;
	MemoryContext caller;

	if (known == NULL)
	{
		known = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KnownRow));
		known->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "encoding", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = known;
	}
	if (known->document != NULL && known->identifier == identifier && VARSIZE_ANY(known->document) == VARSIZE_ANY(document) &&
		memcmp(known->document, document, VARSIZE_ANY(document)) == 0)
		return known;
	known->document = NULL;
	MemoryContextReset(known->context);
	caller = MemoryContextSwitchTo(known->context);
	known->encoding = encoding_read(DatumGetJsonbPCopy(PointerGetDatum(document)));
	known->identifier = identifier;
	row = lookup_rowtype_tupdesc(type, typmod);
	known->value = palloc(row->natts * sizeof(Datum));
	known->null = palloc(row->natts * sizeof(bool));
	find_places(known, row);
	ReleaseTupleDesc(row);
	known->document = memcpy(palloc(VARSIZE_ANY(document)), document, VARSIZE_ANY(document));
	MemoryContextSwitchTo(caller);
	return known;
}

/* encode_row(encoding, row): its features, in the order of encoding_names() */
PG_FUNCTION_INFO_V1(tiering_encode_row);
Datum
tiering_encode_row(PG_FUNCTION_ARGS)
{
	HeapTupleHeader tuple = PG_GETARG_HEAPTUPLEHEADER(1);
	KnownRow   *known = known_row(fcinfo, (struct varlena *) PG_GETARG_POINTER(0), tuple);
	HeapTupleData row = {.t_len = HeapTupleHeaderGetDatumLength(tuple), .t_data = tuple};
	TupleDesc	described = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(tuple), HeapTupleHeaderGetTypMod(tuple));
	Datum		feature[CLASSIFIER_FEATURES];
	bool		null[CLASSIFIER_FEATURES];
	int			count = 0;
	int			lower = 1;

	ItemPointerSetInvalid(&row.t_self);
	heap_deform_tuple(&row, described, known->value, known->null);
	ReleaseTupleDesc(described);
	for (int c = 0; c < known->encoding->columns; c++)
	{
		const EncodedColumn *column = &known->encoding->column[c];
		Place	   *place = &known->place[c];

		encode_value(known->value[place->index], known->null[place->index], place, column, feature + count, null + count);
		count += encoding_width(column);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(feature, null, 1, &count, &lower,
											 FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
