#include "link.h"

#include <string.h>

#include "pb_decode.h"
#include "pb_encode.h"

uint32_t crc32c(const uint8_t *octets, size_t count) {
  uint32_t crc = 0xFFFFFFFF;
  while (count--) {
    crc ^= *octets++;
    for (int bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
    }
  }
  return ~crc;
}

void begin(struct deframer *deframer) {
  deframer->octets = 0;
  deframer->left = 0;
  deframer->code = 0xFF;
  deframer->skipping = false;
}

static bool put(struct deframer *deframer, uint8_t octet, struct counters *counters) {
  if (deframer->octets == MAX_FRAME) {
    counters->oversize++;
    deframer->skipping = true;
    return false;
  }
  deframer->frame[deframer->octets++] = octet;
  return true;
}

bool deframe(struct deframer *deframer, uint8_t octet, struct counters *counters) {
  if (octet == 0) {
    bool began = deframer->code != 0xFF || deframer->octets != 0;
    bool whole = !deframer->skipping && began && deframer->left == 0;
    if (!deframer->skipping && deframer->left != 0) {
      counters->bad_cobs++;
    }
    size_t octets = deframer->octets;
    begin(deframer);
    deframer->octets = whole ? octets : 0;
    return whole;
  }
  if (deframer->skipping) {
    return false;
  }
  if (deframer->left == 0) {
    if (deframer->code != 0xFF && !put(deframer, 0, counters)) {
      return false;
    }
    deframer->code = octet;
    deframer->left = octet - 1;
    return false;
  }
  deframer->left--;
  put(deframer, octet, counters);
  return false;
}

static uint32_t le32(const uint8_t *octets) {
  return octets[0] | octets[1] << 8 | octets[2] << 16 | (uint32_t)octets[3] << 24;
}

static void put_le32(uint8_t *octets, uint32_t value) {
  for (int i = 0; i < 4; i++) {
    octets[i] = value >> 8 * i;
  }
}

static const pb_msgdesc_t *message_of(uint8_t id) {
  switch (id) {
    case 0x02: return Welcome_fields;
    case 0x03: return Reject_fields;
    case 0x04: return Greet_fields;
    case 0x13: return AlarmAck_fields;
    case 0x40: return SetLuminaire_fields;
    case 0x41: return Presence_fields;
    case 0x42: return Schedule_fields;
    case 0x43: return ShowWarning_fields;
    case 0x44: case 0x47: case 0x49: return Bare_fields;
    case 0x45: return SetConfig_fields;
    case 0x46: return GetConfig_fields;
    case 0x48: return SetTime_fields;
    case 0x4A: return PrepareUpdate_fields;
    default: return NULL;
  }
}

/* What the encoding does not say: values that may not be. */
static bool is_sound(uint8_t id, const union to_pole *message) {
  switch (id) {
    case 0x02: return message->welcome.session != 0;
    case 0x40: return message->set_luminaire.level <= 1000;
    case 0x41: return message->presence.level <= 1000;
    case 0x42:
      for (pb_size_t i = 0; i < message->schedule.points_count; i++) {
        const SwitchPoint *point = &message->schedule.points[i];
        if (point->minute > 1439 || point->level > 1000) {
          return false;
        }
      }
      return true;
    default: return true;
  }
}

bool read_frame(const uint8_t *frame, size_t octets, struct header *header, union to_pole *message,
                struct counters *counters) {
  if (octets < HEADER_OCTETS + CRC_OCTETS) {
    counters->short_frames++;
    return false;
  }
  size_t covered = octets - CRC_OCTETS;
  if (crc32c(frame, covered) != le32(frame + covered)) {
    counters->bad_crc++;
    return false;
  }
  if (frame[0] != 1) {
    counters->format++;
    return false;
  }
  header->destination = frame[1];
  header->source = frame[2];
  header->flags = frame[3];
  header->session = le32(frame + 4);
  header->sequence = frame[8] | frame[9] << 8;
  header->id = frame[10];
  if (header->id == 0x10) {
    return true;
  }
  const pb_msgdesc_t *fields = message_of(header->id);
  if (fields == NULL) {
    counters->unknown++;
    return true;
  }
  memset(message, 0, sizeof *message);
  pb_istream_t stream = pb_istream_from_buffer(frame + HEADER_OCTETS, covered - HEADER_OCTETS);
  if (!pb_decode(&stream, fields, message) || !is_sound(header->id, message)) {
    counters->malformed++;
    return false;
  }
  return true;
}

size_t write_frame(const struct header *header, const pb_msgdesc_t *fields, const void *message,
                   uint8_t wire[MAX_WIRE]) {
  uint8_t frame[MAX_FRAME];
  frame[0] = 1;
  frame[1] = header->destination;
  frame[2] = header->source;
  frame[3] = header->flags;
  put_le32(frame + 4, header->session);
  frame[8] = header->sequence;
  frame[9] = header->sequence >> 8;
  frame[10] = header->id;
  pb_ostream_t stream = pb_ostream_from_buffer(frame + HEADER_OCTETS, MAX_FRAME - HEADER_OCTETS - CRC_OCTETS);
  if (fields != NULL && !pb_encode(&stream, fields, message)) {
    return 0;
  }
  size_t octets = HEADER_OCTETS + stream.bytes_written;
  put_le32(frame + octets, crc32c(frame, octets));
  octets += CRC_OCTETS;
  size_t code = 1, out = 2;
  wire[0] = 0;
  for (size_t i = 0; i < octets; i++) {
    if (frame[i] != 0) {
      wire[out++] = frame[i];
    }
    if (frame[i] == 0 || out - code == 0xFF) {
      wire[code] = out - code;
      code = out++;
    }
  }
  wire[code] = out - code;
  wire[out++] = 0;
  return out;
}
