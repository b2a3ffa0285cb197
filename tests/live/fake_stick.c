/* A recording in, an RTL2832U stick with an R820T tuner out: stands in for libusb-1.0 (LD_PRELOAD), so that the real
 * librtlsdr and all that is built on it run without hardware. A model of a stick, not a stick.
 *
 *   FAKE_STICK_FILE     cu8 samples, played in a loop; a folder: the file HZ.cu8 within 200 kHz of where it is tuned,
 *                       noise where there is none
 *   FAKE_STICK_ONCE     set: the stick is gone at the file's end
 *   FAKE_STICK_CONTROL  a file that is read again and again; its words mean, while they stand there:
 *                         unplugged  no device: transfers end, nothing opens
 *                         stalled    the device is there and gives nothing
 *                         busy       another program has claimed the interface (-6)
 *                         forbidden  opening is not allowed (-3)
 *   FAKE_STICK_STATE    a file that is told what was set, on each change: "HZ RATE OPENS LNA MIXER",
 *                       the last two as the tuner's steps of gain
 *   FAKE_STICK_LOSES_MS a second after its first samples were asked for it loses so much, as on a bus that is busy
 *   FAKE_STICK_SPEED    how many times faster than real it runs; 1 without it
 *
 * Time is what a stick has: it fills the transfers that wait, one after the other, at its sample rate. While none waits
 * the samples are lost, because the recording goes on.
 */
#define _GNU_SOURCE
#include <libusb-1.0/libusb.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define XTAL_HZ 28800000.0
#define QUEUE 256
#define NEAR_HZ 200000.0

struct slot {
    struct libusb_transfer *transfer;
    double begin_s;
    int cancelled;
};

static char context_is[8], device_is[8], handle_is[8];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot queue[QUEUE];
static int head, tail;
static FILE *recording;
static double recording_hz = -1;
static long long position;       /* of the next sample, from when the recording was opened */
static double filled_until_s;    /* when the last transfer that has ended was full */
static double queued_until_s;    /* when the last one that waits will be */
static double rate_hz = 2048000;
static uint32_t ratio, if_word;
static uint8_t tuner[32], tuner_register;
static int opens, ended;
static double loses_at_s;

static double now_s(void) {
    struct timespec t;
    const char *speed = getenv("FAKE_STICK_SPEED");
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (t.tv_sec + t.tv_nsec * 1e-9) * (speed ? atof(speed) : 1);
}

static int told(const char *word) {
    char text[256] = "";
    const char *name = getenv("FAKE_STICK_CONTROL");
    FILE *control = name ? fopen(name, "r") : NULL;
    if (!control) return 0;
    size_t got = fread(text, 1, sizeof text - 1, control);
    text[got] = 0;
    fclose(control);
    return strstr(text, word) != NULL;
}

static int gone(void) { return ended || told("unplugged"); }

/* The local oscillator less the intermediate frequency, both as they were written into the registers. */
static double tuned_hz(void) {
    int divider = 2 << (tuner[0x10] >> 5);
    int whole = 4 * (tuner[0x14] & 0x3f) + (tuner[0x14] >> 6) + 13;
    double lo_hz = 2 * XTAL_HZ * (whole + ((tuner[0x16] << 8) | tuner[0x15]) / 65536.0) / divider;
    int32_t minus_if = (int32_t)(if_word << 10) >> 10;
    return lo_hz + minus_if * XTAL_HZ / 4194304.0;
}

static void tell_state(void) {
    const char *name = getenv("FAKE_STICK_STATE");
    FILE *state = name ? fopen(name, "w") : NULL;
    if (!state) return;
    fprintf(state, "%.0f %.0f %d %d %d\n", tuned_hz(), rate_hz, opens, tuner[0x05] & 0x0f, tuner[0x07] & 0x0f);
    fclose(state);
}

static void open_recording(void) {
    const char *name = getenv("FAKE_STICK_FILE");
    char path[4096];
    double wanted = tuned_hz();
    if (recording || !name) {
        if (!name || access(name, R_OK) || (recording_hz >= 0 && wanted - recording_hz < 1 && recording_hz - wanted < 1)) return;
    }
    snprintf(path, sizeof path, "%s/.", name);
    if (access(path, F_OK)) {
        if (!recording) recording = fopen(name, "rb");
        return;
    }
    if (recording) fclose(recording);
    recording = NULL;
    recording_hz = wanted;
    for (int step = 0; !recording && step <= (int)NEAR_HZ; step = step > 0 ? -step : 1000 - step) {
        if (step < -(int)NEAR_HZ) break;
        snprintf(path, sizeof path, "%s/%.0f.cu8", name, (double)(1000 * (long)(wanted / 1000 + 0.5)) + step);
        recording = fopen(path, "rb");
    }
}

static void fill(unsigned char *to, int octets) {
    open_recording();
    int got = 0;
    if (recording) {
        fseeko(recording, 0, SEEK_END);
        long long length = ftello(recording) / 2, sample = position;
        if (length > 0) {
            if (sample >= length && getenv("FAKE_STICK_ONCE")) ended = 1;
            fseeko(recording, 2 * (sample % length), SEEK_SET);
            while (got < octets) {
                size_t more = fread(to + got, 1, octets - got, recording);
                if (!more) {
                    if (getenv("FAKE_STICK_ONCE")) break;
                    fseeko(recording, 0, SEEK_SET);
                }
                got += more;
            }
        }
    }
    for (; got < octets; got++) to[got] = recording ? 127 : 120 + rand() % 16;
    position += octets / 2;
}

/* What a stick does not keep: the samples of the time in which no transfer waited. */
static void lose_until(double begin_s) {
    if (begin_s > filled_until_s) {
        if (filled_until_s > 0) position += (long long)((begin_s - filled_until_s) * rate_hz + 0.5);
        filled_until_s = begin_s;
    }
}

int libusb_init(libusb_context **context) { if (context) *context = (void *)context_is; return 0; }
void libusb_exit(libusb_context *context) { (void)context; }
int libusb_set_option(libusb_context *context, enum libusb_option option, ...) { (void)context; (void)option; return 0; }

ssize_t libusb_get_device_list(libusb_context *context, libusb_device ***list) {
    (void)context;
    int count = gone() ? 0 : 1;
    *list = calloc(2, sizeof **list);
    if (count) (*list)[0] = (void *)device_is;
    return count;
}
void libusb_free_device_list(libusb_device **list, int unreference) { (void)unreference; free(list); }

int libusb_get_device_descriptor(libusb_device *device, struct libusb_device_descriptor *d) {
    (void)device;
    memset(d, 0, sizeof *d);
    d->bLength = 18;
    d->idVendor = 0x0bda;
    d->idProduct = 0x2838;
    d->iManufacturer = 1;
    d->iProduct = 2;
    d->iSerialNumber = 3;
    d->bNumConfigurations = 1;
    return 0;
}
libusb_device *libusb_get_device(libusb_device_handle *handle) { (void)handle; return (void *)device_is; }

int libusb_open(libusb_device *device, libusb_device_handle **handle) {
    (void)device;
    if (gone()) return LIBUSB_ERROR_NO_DEVICE;
    if (told("forbidden")) return LIBUSB_ERROR_ACCESS;
    *handle = (void *)handle_is;
    opens++;
    head = tail = 0;
    filled_until_s = queued_until_s = 0;
    memset(tuner, 0, sizeof tuner);
    return 0;
}
void libusb_close(libusb_device_handle *handle) { (void)handle; }

int libusb_kernel_driver_active(libusb_device_handle *h, int i) { (void)h; (void)i; return 0; }
int libusb_detach_kernel_driver(libusb_device_handle *h, int i) { (void)h; (void)i; return 0; }
int libusb_attach_kernel_driver(libusb_device_handle *h, int i) { (void)h; (void)i; return 0; }
int libusb_claim_interface(libusb_device_handle *h, int i) { (void)h; (void)i; return told("busy") ? LIBUSB_ERROR_BUSY : 0; }
int libusb_release_interface(libusb_device_handle *h, int i) { (void)h; (void)i; return 0; }
int libusb_set_configuration(libusb_device_handle *h, int c) { (void)h; (void)c; return 0; }
int libusb_reset_device(libusb_device_handle *h) { (void)h; return gone() ? LIBUSB_ERROR_NO_DEVICE : 0; }

int libusb_get_string_descriptor_ascii(libusb_device_handle *handle, uint8_t index, unsigned char *text, int length) {
    (void)handle;
    const char *said = index == 1 ? "Realtek" : index == 2 ? "FAKE RTL2838UHIDIR" : "00000001";
    snprintf((char *)text, length, "%s", said);
    return (int)strlen((char *)text);
}

static int read_register(int page, int address, unsigned char *data, int length) {
    static const uint8_t answers[5] = {0x69, 0x00, 0x02, 0x00, 0xA4}; /* an R820T whose PLL is locked, bits reversed */
    memset(data, 0, length);
    if (page != 6) return length;
    if (address != 0x34) return LIBUSB_ERROR_PIPE; /* no other tuner is there */
    for (int i = 0; i < length; i++) data[i] = tuner_register + i < 5 ? answers[tuner_register + i] : 0;
    return length;
}

static int write_register(int page, int address, int index, const unsigned char *data, int length) {
    if (page == 6) {
        if (address != 0x34) return LIBUSB_ERROR_PIPE;
        if (length == 1) {
            tuner_register = data[0];
        } else {
            tuner_register = 0;
            for (int i = 1; i < length && data[0] + i - 1 < 32; i++) tuner[data[0] + i - 1] = data[i];
            tell_state();
        }
        return length;
    }
    if ((index & 0x1f) != 0x11 || (address & 0xff) != 0x20) return length;
    int at = address >> 8; /* page 1 of the demodulator */
    uint32_t word = length == 2 ? (uint32_t)(data[0] << 8 | data[1]) : data[0];
    if (at == 0x9f) ratio = (ratio & 0xffff) | word << 16;
    if (at == 0xa1) {
        ratio = (ratio & 0xffff0000u) | word;
        uint32_t real = ratio | (ratio & 0x08000000) << 1;
        if (real) rate_hz = XTAL_HZ * 4194304.0 / real;
        tell_state();
    }
    if (at == 0x19) if_word = (if_word & 0x00ffff) | (word & 0x3f) << 16;
    if (at == 0x1a) if_word = (if_word & 0x3f00ff) | word << 8;
    if (at == 0x1b) if_word = (if_word & 0x3fff00) | word;
    return length;
}

int libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request, uint16_t value, uint16_t index,
                            unsigned char *data, uint16_t length, unsigned timeout) {
    (void)handle; (void)request; (void)timeout;
    if (gone()) return LIBUSB_ERROR_NO_DEVICE;
    return type & 0x80 ? read_register(index >> 8, value, data, length)
                       : write_register(index >> 8, value, index, data, length);
}

static void wait_until(double moment_s) {
    const char *speed = getenv("FAKE_STICK_SPEED");
    double left_s = (moment_s - now_s()) / (speed ? atof(speed) : 1);
    if (left_s > 0) usleep((useconds_t)(left_s * 1e6));
}

int libusb_bulk_transfer(libusb_device_handle *handle, unsigned char endpoint, unsigned char *data, int length,
                         int *actual, unsigned timeout) {
    (void)handle; (void)endpoint;
    if (gone()) return LIBUSB_ERROR_NO_DEVICE;
    if (told("stalled")) {
        usleep(timeout * 1000);
        return LIBUSB_ERROR_TIMEOUT;
    }
    lose_until(now_s());
    filled_until_s += length / 2 / rate_hz;
    wait_until(filled_until_s);
    fill(data, length);
    if (actual) *actual = length;
    return 0;
}

struct libusb_transfer *libusb_alloc_transfer(int packets) { (void)packets; return calloc(1, sizeof(struct libusb_transfer)); }
void libusb_free_transfer(struct libusb_transfer *transfer) { free(transfer); }

int libusb_submit_transfer(struct libusb_transfer *transfer) {
    if (gone()) return LIBUSB_ERROR_NO_DEVICE;
    pthread_mutex_lock(&lock);
    struct slot *slot = &queue[tail++ % QUEUE];
    double now = now_s();
    slot->transfer = transfer;
    slot->cancelled = 0;
    slot->begin_s = now > queued_until_s ? now : queued_until_s; /* if all that waited were full, some is lost */
    const char *loses_ms = getenv("FAKE_STICK_LOSES_MS");
    if (loses_ms && now > loses_at_s) {
        if (loses_at_s > 0) slot->begin_s += atof(loses_ms) / 1000;
        loses_at_s = loses_at_s > 0 ? HUGE_VAL : now + 1;
    }
    queued_until_s = slot->begin_s + transfer->length / 2 / rate_hz;
    pthread_mutex_unlock(&lock);
    return 0;
}

int libusb_cancel_transfer(struct libusb_transfer *transfer) {
    int found = LIBUSB_ERROR_NOT_FOUND;
    pthread_mutex_lock(&lock);
    for (int i = head; i < tail; i++)
        if (queue[i % QUEUE].transfer == transfer && !queue[i % QUEUE].cancelled) {
            queue[i % QUEUE].cancelled = 1;
            found = 0;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

/* Takes a transfer out of the queue and ends it. The lock is held before and after, not during the callback. */
static void end_transfer(int at, enum libusb_transfer_status status) {
    struct libusb_transfer *transfer = queue[at % QUEUE].transfer;
    for (int i = at; i > head; i--) queue[i % QUEUE] = queue[(i - 1) % QUEUE];
    head++;
    transfer->status = status;
    transfer->actual_length = status == LIBUSB_TRANSFER_COMPLETED ? transfer->length : 0;
    pthread_mutex_unlock(&lock);
    transfer->callback(transfer);
    pthread_mutex_lock(&lock);
}

int libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *timeout, int *completed) {
    (void)context;
    double until_s = now_s() + (timeout ? timeout->tv_sec + timeout->tv_usec * 1e-6 : 60);
    pthread_mutex_lock(&lock);
    do {
        for (int i = head; i < tail; i++)
            if (queue[i % QUEUE].cancelled) {
                end_transfer(i, LIBUSB_TRANSFER_CANCELLED);
                goto done;
            }
        if (head < tail && gone()) {
            end_transfer(head, LIBUSB_TRANSFER_NO_DEVICE);
            goto done;
        }
        if (head < tail && !told("stalled")) {
            struct libusb_transfer *transfer = queue[head % QUEUE].transfer;
            double begin_s = queue[head % QUEUE].begin_s, full_s = begin_s + transfer->length / 2 / rate_hz;
            if (full_s <= now_s()) {
                lose_until(begin_s);
                filled_until_s = full_s;
                fill(transfer->buffer, transfer->length);
                end_transfer(head, LIBUSB_TRANSFER_COMPLETED);
                goto done;
            }
        } else if (head < tail) { /* a stall is a loss too */
            queued_until_s = now_s();
            for (int i = head; i < tail; i++) {
                queue[i % QUEUE].begin_s = queued_until_s;
                queued_until_s += queue[i % QUEUE].transfer->length / 2 / rate_hz;
            }
        }
        pthread_mutex_unlock(&lock);
        usleep(1000);
        pthread_mutex_lock(&lock);
    } while (now_s() < until_s && !(completed && *completed));
done:
    pthread_mutex_unlock(&lock);
    return 0;
}
int libusb_handle_events_timeout(libusb_context *context, struct timeval *timeout) {
    return libusb_handle_events_timeout_completed(context, timeout, NULL);
}
int libusb_handle_events(libusb_context *context) { return libusb_handle_events_timeout_completed(context, NULL, NULL); }

unsigned char *libusb_dev_mem_alloc(libusb_device_handle *handle, size_t length) { (void)handle; (void)length; return NULL; }
int libusb_dev_mem_free(libusb_device_handle *handle, unsigned char *buffer, size_t length) { (void)handle; (void)buffer; (void)length; return 0; }
const char *libusb_error_name(int code) { (void)code; return "FAKE"; }
const char *libusb_strerror(int code) { (void)code; return "the fake stick says so"; }
