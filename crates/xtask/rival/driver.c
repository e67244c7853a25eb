/*
 * The benchmark's rival: the C code asn1c 0.9.28 generates from the ASN.1 of this repository, behind a line protocol on
 * stdin/stdout, so that the benchmark can interleave its own blocks with ours. One request a line, one answer a line:
 *
 *   load NAME TYPE HEX   decode HEX once; keep the octets and the structure      -> ok CONSUMED
 *   decode NAME N        decode the octets N times, each result freed            -> NANOSECONDS
 *   encode NAME N        encode the kept structure N times                       -> NANOSECONDS
 *   allocations NAME     malloc+calloc+realloc calls of one decode               -> COUNT
 *   quit                                                                         (no answer)
 *
 * TYPE is one of
 *   MessageFrame       the frame (a second-stage message in it stays an OCTET STRING: asn1c 0.9.28 knows no classes)
 *   SensorSharingMsg   the message alone, without its frame
 *   SensorSharingFrame both: the frame, then the message out of the frame's OCTET STRING; encoded in the reverse order
 *
 * Any failure is answered `error REASON`; an encoding other than the loaded octets `differs`. Freeing is inside the time of
 * a decode because the generated code allocates what it decodes. Link with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "MessageFrame.h"
#include "SensorSharingMsg.h"

enum { MAX_OCTETS = 65536, MAX_LINE = 2 * MAX_OCTETS + 256, MAX_MESSAGES = 32, MAX_NAME = 63 };

/* What `load` keeps. `inner` is only used by SensorSharingFrame; `outer` is the structure of the loaded type. */
struct message {
	char name[MAX_NAME + 1];
	struct asn_TYPE_descriptor_s *type;
	int framed;
	unsigned char *octets;
	size_t length;
	void *outer, *inner;
};

static struct message messages[MAX_MESSAGES];
static size_t message_count;
static unsigned char buffer[MAX_OCTETS], inner_buffer[MAX_OCTETS];
static char line[MAX_LINE];

/* The linker sends the allocations of the generated code here: a plain counter, nothing else. */
static unsigned long allocations;
void *__real_malloc(size_t), *__real_calloc(size_t, size_t), *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t n) { allocations++; return __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { allocations++; return __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { allocations++; return __real_realloc(p, n); }

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void free_message(struct message *m, void *outer, void *inner)
{
	if (inner) ASN_STRUCT_FREE(asn_DEF_SensorSharingMsg, inner);
	if (outer) ASN_STRUCT_FREE(*m->type, outer);
}

/* Decodes into *outer (and *inner); the octets consumed, or -1. What it allocated is to be freed in either case. */
static long decode_message(struct message *m, void **outer, void **inner)
{
	*outer = *inner = 0;
	asn_dec_rval_t r = uper_decode_complete(0, m->type, outer, m->octets, m->length);
	if (r.code != RC_OK) return -1;
	if (m->framed) {
		MessageFrame_t *frame = *outer;
		if (frame->present != MessageFrame_PR_msgFrameExt || frame->choice.msgFrameExt.messageId != 12) return -1;
		OCTET_STRING_t *value = &frame->choice.msgFrameExt.value;
		asn_dec_rval_t i = uper_decode_complete(0, &asn_DEF_SensorSharingMsg, inner, value->buf, value->size);
		if (i.code != RC_OK || i.consumed != (size_t)value->size) return -1;
	}
	return (long)r.consumed;
}

/* Encodes the kept structure into `buffer`; its length in octets, or -1. */
static long encode_message(struct message *m)
{
	asn_enc_rval_t r;
	if (m->framed) {
		r = uper_encode_to_buffer(&asn_DEF_SensorSharingMsg, m->inner, inner_buffer, sizeof inner_buffer);
		if (r.encoded < 0) return -1;
		/* The frame of this encode borrows the message's octets: no copy, no allocation of ours. */
		MessageFrame_t frame = *(MessageFrame_t *)m->outer;
		frame.choice.msgFrameExt.value.buf = inner_buffer;
		frame.choice.msgFrameExt.value.size = (int)((r.encoded + 7) / 8);
		r = uper_encode_to_buffer(m->type, &frame, buffer, sizeof buffer);
	} else {
		r = uper_encode_to_buffer(m->type, m->outer, buffer, sizeof buffer);
	}
	return r.encoded < 0 ? -1 : (long)((r.encoded + 7) / 8); /* asn1c counts bits here */
}

static struct message *find(const char *name)
{
	for (size_t i = 0; name && i < message_count; i++)
		if (!strcmp(messages[i].name, name)) return &messages[i];
	return 0;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void load(const char *name, const char *type, const char *hex)
{
	struct message m = {0};
	size_t digits = hex ? strlen(hex) : 0;
	if (!digits || digits % 2 || strlen(name) > MAX_NAME) { puts("error usage: load NAME TYPE HEX"); return; }
	if (find(name) || message_count == MAX_MESSAGES) { puts("error name is taken or too many messages"); return; }
	m.framed = !strcmp(type, "SensorSharingFrame");
	if (m.framed || !strcmp(type, "MessageFrame")) m.type = &asn_DEF_MessageFrame;
	else if (!strcmp(type, "SensorSharingMsg")) m.type = &asn_DEF_SensorSharingMsg;
	else { puts("error unknown type"); return; }
	strcpy(m.name, name);
	m.length = digits / 2;
	m.octets = malloc(m.length);
	for (size_t i = 0; m.octets && i < m.length; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
		if (high < 0 || low < 0) { free(m.octets); puts("error not hexadecimal"); return; }
		m.octets[i] = (unsigned char)(high << 4 | low);
	}
	long consumed = m.octets ? decode_message(&m, &m.outer, &m.inner) : -1;
	if (consumed < 0) {
		free_message(&m, m.outer, m.inner);
		free(m.octets);
		puts("error does not decode");
		return;
	}
	messages[message_count++] = m;
	printf("ok %ld\n", consumed);
}

static void time_decode(struct message *m, long n)
{
	void *outer, *inner;
	long long start = now();
	for (long i = 0; i < n; i++) {
		long consumed = decode_message(m, &outer, &inner);
		free_message(m, outer, inner);
		if (consumed < 0) { puts("error does not decode"); return; }
	}
	printf("%lld\n", now() - start);
}

static void time_encode(struct message *m, long n)
{
	/* The first encode, outside the time, is the one whose octets are compared. */
	long length = encode_message(m);
	if (length < 0) { puts("error does not encode"); return; }
	if ((size_t)length != m->length || memcmp(buffer, m->octets, m->length)) { puts("differs"); return; }
	long long start = now();
	for (long i = 0; i < n; i++)
		if (encode_message(m) != length) { puts("error encodes differently"); return; }
	printf("%lld\n", now() - start);
}

int main(void)
{
	setvbuf(stdout, 0, _IOLBF, 0); /* an answer leaves with its newline, pipe or not */
	while (fgets(line, sizeof line, stdin)) {
		char *command = strtok(line, " \r\n"), *name = strtok(0, " \r\n");
		char *third = strtok(0, " \r\n"), *fourth = strtok(0, " \r\n");
		struct message *m = find(name);
		long n = third ? strtol(third, 0, 10) : 0;
		if (!command) continue;
		if (!strcmp(command, "quit")) break;
		if (!strcmp(command, "load") && name && third) load(name, third, fourth);
		else if (!m) puts("error no such message");
		else if (!strcmp(command, "decode") && n > 0) time_decode(m, n);
		else if (!strcmp(command, "encode") && n > 0) time_encode(m, n);
		else if (!strcmp(command, "allocations")) {
			void *outer, *inner;
			unsigned long before = allocations;
			decode_message(m, &outer, &inner);
			before = allocations - before;
			free_message(m, outer, inner);
			printf("%lu\n", before);
		} else puts("error unknown command");
	}
	return 0;
}
