/* Does once everything that a pole's end does with frames, so that the linker keeps all of it. */
#include "link.h"

volatile uint8_t line;
volatile uint8_t which;

static struct deframer deframer;
static struct counters counters;

static union {
  Hello hello;
  Telemetry telemetry;
  Alarm alarm;
  State state;
  CommandResult result;
} to_edge;

static void keep(const void *what) {
  __asm__ volatile("" : : "r"(what) : "memory");
}

int main(void) {
  begin(&deframer);
  for (;;) {
    struct header header;
    union to_pole message;
    if (deframe(&deframer, line, &counters)) {
      bool read = read_frame(deframer.frame, deframer.octets, &header, &message, &counters);
      deframer.octets = 0;
      if (read) {
        keep(&message);
      }
    }
    keep(&to_edge);
    uint8_t wire[MAX_WIRE];
    size_t octets;
    header.id = which;
    switch (header.id) {
      case 0x01: octets = write_frame(&header, Hello_fields, &to_edge, wire); break;
      case 0x11: octets = write_frame(&header, Telemetry_fields, &to_edge, wire); break;
      case 0x12: octets = write_frame(&header, Alarm_fields, &to_edge, wire); break;
      case 0x14: octets = write_frame(&header, State_fields, &to_edge, wire); break;
      case 0x15: octets = write_frame(&header, CommandResult_fields, &to_edge, wire); break;
      default: octets = write_frame(&header, NULL, NULL, wire); break;
    }
    keep(wire);
    line = octets;
  }
}
