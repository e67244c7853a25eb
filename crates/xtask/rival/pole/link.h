/* Frames of docs/pole-link.md: header, body, CRC; in COBS between delimiters. */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pole.pb.h"

#define MAX_FRAME 256
#define HEADER_OCTETS 11
#define CRC_OCTETS 4
#define MAX_WIRE (MAX_FRAME + 4)

struct header {
  uint8_t destination, source, flags, id;
  uint16_t sequence;
  uint32_t session;
};

struct counters {
  uint32_t oversize, bad_cobs, bad_crc, short_frames, format, malformed, unknown;
};

struct deframer {
  uint8_t frame[MAX_FRAME];
  size_t octets;
  uint8_t left, code;
  bool skipping;
};

union to_pole {
  Welcome welcome;
  Reject reject;
  Greet greet;
  AlarmAck alarm_ack;
  SetLuminaire set_luminaire;
  Presence presence;
  Schedule schedule;
  ShowWarning show_warning;
  Bare bare;
  SetConfig set_config;
  GetConfig get_config;
  SetTime set_time;
  PrepareUpdate prepare_update;
};

uint32_t crc32c(const uint8_t *octets, size_t count);
/* Makes a deframer that has seen nothing. */
void begin(struct deframer *deframer);
/* Takes an octet; true when it completes a frame, which is then in the deframer. */
bool deframe(struct deframer *deframer, uint8_t octet, struct counters *counters);
/* Reads a frame into a header and a message; false if it is none. */
bool read_frame(const uint8_t *frame, size_t octets, struct header *header, union to_pole *message,
                struct counters *counters);
/* Writes a message as it goes on the line; returns its octets, 0 if it does not fit. */
size_t write_frame(const struct header *header, const pb_msgdesc_t *fields, const void *message,
                   uint8_t wire[MAX_WIRE]);

#endif
