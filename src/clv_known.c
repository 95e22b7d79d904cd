/*-------------------------------------------------------------------------
 *
 * clv_known.c
 *	  What has been worked out already.
 *
 * Customers with the same number of purchases in the same time have the same
 * future if they are alive, so each call site keeps what it found.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "clv_model.h"

#include "compat.h"

/* Of the values that tell one process at one call site from another */
static uint64
known_hash(const PurchaseProcess *process, double t)
{
	uint64		bits[3];
	uint64		hash;

	memcpy(&bits[0], &process->R, sizeof(double));
	memcpy(&bits[1], &process->A, sizeof(double));
	memcpy(&bits[2], &t, sizeof(double));
	hash = (bits[0] ^ bits[1] * UINT64CONST(0x9E3779B97F4A7C15) ^ bits[2] >> 7) *
		UINT64CONST(0xBF58476D1CE4E5B9);
	return hash >> 32;
}

/* The slot of a process, or the free one where it belongs; half are free */
static KnownValue *
known_slot(ClvCall *call, const PurchaseProcess *process, double t, double rate)
{
	uint32		mask = call->known_slots - 1;
	uint32		at = (uint32) known_hash(process, t) & mask;

	for (;; at = (at + 1) & mask)
	{
		KnownValue *known = &call->known[at];

		if (!known->used ||
			(known->process.R == process->R && known->process.A == process->A &&
			 known->process.d == process->d && known->t == t &&
			 known->rate == rate))
			return known;
	}
}

/* Makes room for more while there is some to be had, and else forgets all */
static void
known_grow(FunctionCallInfo fcinfo, ClvCall *call)
{
	KnownValue *old = call->known;
	uint32		old_slots = call->known_slots;

	if (old_slots == KNOWN_MOST)
	{
		memset(old, 0, sizeof(KnownValue) * old_slots);
		call->known_used = 0;
		return;
	}
	call->known_slots = old == NULL ? KNOWN_FIRST : old_slots * 2;
	call->known = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
										 sizeof(KnownValue) * call->known_slots);
	for (uint32 i = 0; i < old_slots; i++)
		if (old[i].used)
			*known_slot(call, &old[i].process, old[i].t, old[i].rate) = old[i];
	if (old != NULL)
		pfree(old);
}

/*
 * Works out quantities of a process unless they were asked for before.  A call
 * site asks for the same ones always.
 */
const double *
clv_known_values(FunctionCallInfo fcinfo, ProcessQuantities quantities,
				 const PurchaseProcess *process, double t, double rate)
{
	ClvCall    *call = clv_call(fcinfo);
	KnownValue *known;

	if (call->known_used * 2 >= call->known_slots)
		known_grow(fcinfo, call);
	known = known_slot(call, process, t, rate);
	if (!known->used)
	{
		quantities(process, t, rate, known->value);
		known->process = *process;
		known->t = t;
		known->rate = rate;
		known->used = true;
		call->known_used++;
	}
	return known->value;
}

/* After another model */
void
clv_forget_values(ClvCall *call)
{
	call->known_used = 0;
	if (call->known != NULL)
		memset(call->known, 0, sizeof(KnownValue) * call->known_slots);
}
