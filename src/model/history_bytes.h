/*-------------------------------------------------------------------------
 *
 * history_bytes.h
 *	  Varints and entries, shared by the two shapes of a purchase history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_HISTORY_BYTES_H
#define MODEL_HISTORY_BYTES_H

#include "model/history.h"

#define TAG_SCALE		0x07	/* bits of the tag that hold the scale */
#define TAG_BAG			0x08	/* bit of the tag that marks a bag */

#define ENTRY_COUNT		0x01	/* the number of orders follows */
#define ENTRY_REFUND	0x02	/* refunded money follows */

#define VARINT64_MAX	10		/* bytes of the longest 64-bit varint */

static inline uint8_t *
put_varint64(uint8_t *p, uint64_t value)
{
	while (value >= 0x80)
	{
		*p++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*p++ = (uint8_t) value;
	return p;
}

static inline uint8_t *
put_varint(uint8_t *p, Units value)
{
	while (value > UINT64_MAX)
	{
		*p++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	return put_varint64(p, (uint64_t) value);
}

/* Reads up to ten bytes; false at the end, on overflow or on needless bytes */
static inline bool
get_varint64(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
	const uint8_t *at = *p;
	uint64_t	result = 0;

	for (int shift = 0; at < end && shift < 64; shift += 7)
	{
		uint64_t	bits = *at & 0x7F;

		if (shift == 63 && bits > 1)
			return false;
		result |= bits << shift;
		if (*at++ < 0x80)
		{
			*value = result;
			*p = at;
			return bits != 0 || shift == 0;
		}
	}
	return false;
}

/* The same for money: up to 2^126, far above the limit of a day */
static inline bool
get_varint(const uint8_t **p, const uint8_t *end, Units *value)
{
	const uint8_t *at = *p;
	uint64_t	low = 0;
	Units		result;

	/* nearly all money fits 56 bits, which are faster */
	for (int shift = 0; at < end && shift < 56; shift += 7)
	{
		uint64_t	bits = *at & 0x7F;

		low |= bits << shift;
		if (*at++ < 0x80)
		{
			*value = low;
			*p = at;
			return bits != 0 || shift == 0;
		}
	}
	result = low;
	for (int shift = 56; at < end && shift < 126; shift += 7)
	{
		uint8_t		bits = *at & 0x7F;

		result |= (Units) bits << shift;
		if (*at++ < 0x80)
		{
			*value = result;
			*p = at;
			return bits != 0;
		}
	}
	return false;
}

/* The step of a bag's entry: the distance from its base, either way */
static inline uint64_t
bag_step(int32_t day, int32_t base)
{
	int64_t		distance = (int64_t) day - base;

	return distance < 0 ? (uint64_t) (-distance) * 2 - 1
		: (uint64_t) distance * 2;
}

/* Writes one entry; what step means is the caller's affair */
static inline uint8_t *
put_entry(uint8_t *p, uint64_t step, const HistoryDay *day)
{
	uint64_t	head = step << 2;

	if (day->orders != 1)
		head |= ENTRY_COUNT;
	if (day->refunded > 0)
		head |= ENTRY_REFUND;
	p = put_varint64(p, head);
	if (day->orders != 1)
		p = put_varint64(p, day->orders);
	if (day->orders > 0)
		p = put_varint(p, day->gross);
	if (day->refunded > 0)
		p = put_varint(p, day->refunded);
	return p;
}

/* Reads one entry except its day; false unless it is well-formed */
static inline bool
get_entry(const uint8_t **p, const uint8_t *end, uint64_t *step,
		  HistoryDay *day)
{
	uint64_t	head;
	uint64_t	orders = 1;

	if (!get_varint64(p, end, &head))
		return false;
	*step = head >> 2;
	day->gross = day->refunded = 0;
	if ((head & ENTRY_COUNT) &&
		(!get_varint64(p, end, &orders) || orders == 1 ||
		 orders > HISTORY_MAX_ORDERS))
		return false;
	day->orders = (uint32_t) orders;
	if (orders > 0 && !get_varint(p, end, &day->gross))
		return false;
	if (head & ENTRY_REFUND)
		return get_varint(p, end, &day->refunded) && day->refunded > 0;
	return orders > 0;
}

#endif							/* MODEL_HISTORY_BYTES_H */
