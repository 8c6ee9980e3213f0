/* The words of the architecture language, for the files that read and print it: which layers there
 * are, and which options each of them takes. */
#ifndef GRU_NN_ARCH_PRIVATE_H
#define GRU_NN_ARCH_PRIVATE_H

#include "nn/arch.h"

typedef enum gru_arch_value {
    GRU_ARCH_FLAG,    /* bool: the bare word sets it */
    GRU_ARCH_RATE,    /* double in [0, 1) */
    GRU_ARCH_PENALTY, /* double, 0 or more */
    GRU_ARCH_EPSILON, /* double in [1e-12, 1]; 0 where it isn't given */
    GRU_ARCH_INIT,    /* char[GRU_INIT_TEXT] */
    GRU_ARCH_FILE,    /* char *, owned */
    GRU_ARCH_WORD,    /* an enum: its value is the word's place in words */
    GRU_ARCH_SWITCH,  /* a bool: words are "false value|true value" */
    GRU_ARCH_BARE     /* an enum: the bare word gives it the value `number` */
} gru_arch_value;

typedef struct gru_arch_key {
    const char *name;
    gru_arch_value value;
    size_t offset; /* in gru_layer */
    /* WORD, SWITCH: "a|b|c"; the first is the default, which is not printed. BARE: not NULL when it
     * is the default. */
    const char *words;
    int number;      /* BARE: the value; WORD: the value of the key without "=word", 0: needs one */
    unsigned layers; /* bit k: gru_layer_kind k takes it */
} gru_arch_key;

extern const gru_arch_key gru_arch_keys[]; /* name NULL ends it */

/* The words after a layer's name, in order. */
typedef enum gru_arch_size {
    GRU_ARCH_NOTHING,
    GRU_ARCH_ROWS,
    GRU_ARCH_UNITS,
    GRU_ARCH_DROPPED,   /* dropout's share */
    GRU_ARCH_POOLING,   /* pool's kind */
    GRU_ARCH_ACTIVATION /* may be left out */
} gru_arch_size;

typedef struct gru_arch_form {
    const char *name;
    gru_arch_size sizes[2];
} gru_arch_form;

extern const gru_arch_form gru_arch_forms[GRU_LAYER_COUNT];
extern const char gru_arch_activations[], gru_arch_pools[]; /* "a|b|c", in the enum's order */

/* Word `index` of "a|b|c"; *len is its length. NULL past the end. */
const char *gru_arch_word(const char *words, int index, size_t *len);

#endif
