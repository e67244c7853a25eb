/* Run on the machine that compares: what is compared works. */
#include "link.h"

#include <stdio.h>
#include <string.h>

#include "pb_encode.h"

static int failures;

static void check(bool ok, const char *what) {
  if (!ok) {
    printf("the C link: %s\n", what);
    failures++;
  }
}

int main(void) {
  check(crc32c((const uint8_t *)"123456789", 9) == 0xE3069283, "CRC");
  struct header sent = {.destination = 1, .session = 7, .sequence = 2, .id = 0x40};
  SetLuminaire wish = {.number = 1, .level = 350, .ramp_ms = 500};
  uint8_t wire[MAX_WIRE];
  size_t octets = write_frame(&sent, SetLuminaire_fields, &wish, wire);
  static struct deframer deframer;
  begin(&deframer);
  struct counters counters = {0};
  int frames = 0;
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < octets; i++) {
      if (deframe(&deframer, wire[i], &counters)) {
        struct header header;
        union to_pole message;
        check(read_frame(deframer.frame, deframer.octets, &header, &message, &counters), "a frame is read");
        check(header.id == 0x40 && header.session == 7 && header.sequence == 2, "its header");
        check(message.set_luminaire.level == 350 && message.set_luminaire.ramp_ms == 500, "its message");
        deframer.octets = 0;
        frames++;
      }
    }
  }
  check(frames == 2, "two frames");
  wire[octets / 2] ^= 0x40;
  for (size_t i = 0; i < octets; i++) {
    if (deframe(&deframer, wire[i], &counters)) {
      struct header header;
      union to_pole message;
      check(!read_frame(deframer.frame, deframer.octets, &header, &message, &counters), "an altered frame is refused");
      deframer.octets = 0;
    }
  }
  check(counters.bad_crc + counters.bad_cobs > 0, "it is counted");
  return failures != 0;
}
