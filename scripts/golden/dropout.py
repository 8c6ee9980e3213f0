"""The masks that training draws, by the rule that lib/kern/kern.h and lib/nn/plan.c state.

Keras draws its own masks; given these, it must give our outputs and gradients. Philox4x32-10 is
Salmon, Moraes, Dror and Shaw's (SC 2011), written again from their paper, so that a mistake in
ours would show.
"""
import numpy as np

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
PURPOSE = 3  # the third of gru_purpose: dropout


def philox(counter, key):
    """Four words for each counter; counter is four arrays of words, key two words."""
    low = np.uint64(0xFFFFFFFF)
    c = [np.asarray(word, np.uint64) for word in counter]
    for turn in range(10):
        k = [np.uint64((word + turn * step) & 0xFFFFFFFF) for word, step in zip(key, WEYL)]
        first, second = c[0] * np.uint64(MULTIPLIERS[0]), c[2] * np.uint64(MULTIPLIERS[1])
        c = [(second >> np.uint64(32)) ^ c[1] ^ k[0], second & low,
             (first >> np.uint64(32)) ^ c[3] ^ k[1], first & low]
    return c


assert [int(word) for word in philox([0, 0, 0, 0], [0, 0])] == [
    0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def mask(layer, part, rows, count, rate, batch, seed=0, epoch=0):
    """(rows, count) of 0 or 1 / (1 − rate). part tells apart the masks of one layer."""
    key = (seed & 0xFFFFFFFF) ^ (PURPOSE << 24), (seed >> 32) ^ (layer << 8) ^ part
    row, element = np.mgrid[:rows, :count]
    words = philox([element // 8, row, np.full_like(row, batch), np.full_like(row, epoch)], key)
    word = np.choose(element % 8 // 2, words)
    half = np.where(element % 2, word >> np.uint64(16), word & np.uint64(0xFFFF))
    return (half >= round(rate * 65536)) / (1 - rate)


def sequence_mask(layer, rows, steps, units, rate, batch):
    """(rows, steps, units), of a dropout layer: a sequence's steps lie an odd number apart."""
    flat = mask(layer, 0, rows, steps * (units | 1), rate, batch)
    return flat.reshape(rows, steps, units | 1)[:, :, :units]


def cell_masks(layer, gates, width, rate, rows, batch, backward=False, state=False):
    """One mask a gate, for a cell's input or its state."""
    first = 64 * backward + state
    return [mask(layer, first + 2 * gate, rows, width, rate, batch) for gate in range(gates)]
