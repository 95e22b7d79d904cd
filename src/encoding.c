/*-------------------------------------------------------------------------
 *
 * encoding.c
 *	  How columns of any type become features: the document that says so.
 *
 * It is stored beside a model, and may come from anybody: all that is read is
 * checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "classifier.h"
#include "encoding.h"
#include "json_member.h"

#include "compat.h"

static const char *const kind_names[] = {
	[ENCODING_NUMBER] = "number",
	[ENCODING_BOOLEAN] = "boolean",
	[ENCODING_DATE] = "date",
	[ENCODING_TEXT] = "text"
};

const char *
encoding_kind_name(EncodingKind kind)
{
	return kind_names[kind];
}

/* How values of a type are taken; false if they are not */
bool
encoding_kind_of_type(Oid type, EncodingKind *kind)
{
	Oid			base = getBaseType(type);

	switch (base)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case INTERVALOID:
			*kind = ENCODING_NUMBER;
			return true;
		case BOOLOID:
			*kind = ENCODING_BOOLEAN;
			return true;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*kind = ENCODING_DATE;
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case UUIDOID:
			*kind = ENCODING_TEXT;
			return true;
		default:
			*kind = ENCODING_TEXT;
			return type_is_enum(base);
	}
}

/* --- reading ------------------------------------------------------------------ */

static void pg_attribute_noreturn()
refuse(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("encoding has no usable \"%s\"", key),
			 errhint("Take it from the row of the model that train() stored.")));
}

static char *
read_text(const JsonbValue *value, const char *key)
{
	if (value == NULL || value->type != jbvString || value->val.string.len > CLASSIFIER_NAME)
		refuse(key);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
read_flag(JsonbContainer *object, const char *key)
{
	const JsonbValue *value = json_member(object, key);

	if (value != NULL && value->type != jbvBool)
		refuse(key);
	return value != NULL && value->val.boolean;
}

static void
read_values(JsonbContainer *object, EncodedColumn *column)
{
	const JsonbValue *values = json_member(object, "values");
	const JsonbValue *reference = json_member(object, "reference");
	JsonbContainer *array;

	if (values == NULL || values->type != jbvBinary || !JsonContainerIsArray(values->val.binary.data))
		refuse("values");
	array = values->val.binary.data;
	if (JsonContainerSize(array) > CLASSIFIER_FEATURES)
		refuse("values");
	column->values = JsonContainerSize(array);
	column->value = palloc((column->values + 1) * sizeof(char *));
	for (int i = 0; i < column->values; i++)
		column->value[i] = read_text(getIthJsonbValueFromContainer(array, i), "values");
	if (reference != NULL && reference->type != jbvNull)
		column->reference = read_text(reference, "reference");
	column->has_other = read_flag(object, "other");
	column->has_missing = read_flag(object, "missing");
}

static void
read_column(const JsonbValue *element, EncodedColumn *column)
{
	JsonbContainer *object;
	char	   *kind;

	memset(column, 0, sizeof(*column));
	if (element == NULL || element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
		refuse("column");
	object = element->val.binary.data;
	column->name = read_text(json_member(object, "column"), "column");
	kind = read_text(json_member(object, "type"), "type");
	while (strcmp(kind, kind_names[column->kind]) != 0)
		if (++column->kind >= lengthof(kind_names))
			refuse("type");
	if (column->kind == ENCODING_TEXT)
		read_values(object, column);
}

/* How many features a column becomes */
int
encoding_width(const EncodedColumn *column)
{
	return column->kind != ENCODING_TEXT ? 1 : column->values + column->has_other + column->has_missing;
}

Encoding *
encoding_read(Jsonb *document)
{
	Encoding   *encoding = palloc0(sizeof(Encoding));

	if (!JB_ROOT_IS_ARRAY(document) || JB_ROOT_IS_SCALAR(document) || JB_ROOT_COUNT(document) < 1 ||
		JB_ROOT_COUNT(document) > CLASSIFIER_FEATURES)
		refuse("column");
	encoding->columns = JB_ROOT_COUNT(document);
	encoding->column = palloc(encoding->columns * sizeof(EncodedColumn));
	for (int c = 0; c < encoding->columns; c++)
	{
		read_column(getIthJsonbValueFromContainer(&document->root, c), &encoding->column[c]);
		encoding->features += encoding_width(&encoding->column[c]);
	}
	if (encoding->features < 1 || encoding->features > CLASSIFIER_FEATURES)
		refuse("values");
	return encoding;
}

/* --- what it says ------------------------------------------------------------- */

/* encoding_type(type): number, boolean, date or text; NULL: it cannot be taken */
PG_FUNCTION_INFO_V1(tiering_encoding_type);
Datum
tiering_encoding_type(PG_FUNCTION_ARGS)
{
	EncodingKind kind;

	if (!encoding_kind_of_type(PG_GETARG_OID(0), &kind))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(encoding_kind_name(kind)));
}

/* A name that is not too long for one of a feature */
static Datum
short_name(char *name)
{
	int			length = pg_mbcliplen(name, strlen(name), CLASSIFIER_NAME / 4);

	return PointerGetDatum(cstring_to_text_with_len(name, length));
}

static Datum
text_array(Datum *text, int count)
{
	return PointerGetDatum(construct_array(text, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* encoding_names(encoding): of its features */
PG_FUNCTION_INFO_V1(tiering_encoding_names);
Datum
tiering_encoding_names(PG_FUNCTION_ARGS)
{
	Encoding   *encoding = encoding_read(PG_GETARG_JSONB_P(0));
	Datum		name[CLASSIFIER_FEATURES];
	int			count = 0;

	for (int c = 0; c < encoding->columns; c++)
	{
		const EncodedColumn *column = &encoding->column[c];

		if (column->kind != ENCODING_TEXT)
			name[count++] = CStringGetTextDatum(column->name);
		for (int v = 0; v < column->values; v++)
			name[count++] = short_name(psprintf("%s = %s", column->name, column->value[v]));
		if (column->has_other)
			name[count++] = CStringGetTextDatum(psprintf("%s is another", column->name));
		if (column->has_missing)
			name[count++] = CStringGetTextDatum(psprintf("%s is missing", column->name));
	}
	return text_array(name, count);
}

/* encoding_columns(encoding): the column of each feature */
PG_FUNCTION_INFO_V1(tiering_encoding_columns);
Datum
tiering_encoding_columns(PG_FUNCTION_ARGS)
{
	Encoding   *encoding = encoding_read(PG_GETARG_JSONB_P(0));
	Datum		name[CLASSIFIER_FEATURES];
	int			count = 0;

	for (int c = 0; c < encoding->columns; c++)
		for (int i = 0; i < encoding_width(&encoding->column[c]); i++)
			name[count++] = CStringGetTextDatum(encoding->column[c].name);
	return text_array(name, count);
}
