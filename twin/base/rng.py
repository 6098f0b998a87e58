"""Keyed randomness: every draw is a pure function of what is drawn, when, why and in which replicate.

Philox4x32-10 (Salmon et al., SC'11) maps a counter and a key to four 32-bit words:

    counter = (entity, tick, purpose << 16 | block, replicate)      key = (seed low, seed high)

There is no state to save or to share. Adding a service changes nobody else's noise. The scenario is not in
the key, so a baseline and a mitigation share their noise (common random numbers). A sampler that rejects
takes blocks 0, 1, 2, … of its own stream, so it never shifts another draw. **Two draws with the same entity,
tick, purpose and replicate are the same draw**: give each its own purpose, or its own `subkey`.

Everything below is compiled and runs uncompiled too (NUMBA_DISABLE_JIT=1). Words are uint64 that hold 0 …
2^32-1, so that a product of two never overflows. They must not be int64: Numba tells LLVM that signed
products do not wrap, and LLVM then drops shifts and masks that would seem idle.

Left out: cross-platform identity. `exp` and `log` may differ by a last bit from one libm to another.
"""

import hashlib
import math

import numpy as np

from twin.base.jit import njit

# Purposes: what a draw is for. Append only: a changed number changes every run ever made.
ARRIVE = 1  # requests, clients or work that come from outside
FAIL = 2  # a call or an attempt fails
CHECK = 3  # a health check runs or flips
LAPSE = 4  # a lease lapses
CLOSE = 5  # a connection closes
OPEN = 6  # a connection opens
SERVE = 7  # work is served
BACKOFF = 8  # a retry waits
POLL = 9  # a poller wakes
LOCK = 10  # a lock is won or lost
LOOKUP = 11  # a name is looked up
COMPLETE = 12  # work of several steps is finished
LAUNCH = 14  # an instance is launched
LOSE = 15  # something is lost for good
ABANDON = 17  # a client gives up
RETRY = 18  # a client tries again
DELAY = 19  # a duration is drawn
SPLIT = 20  # a cohort is divided

_MASK = 0xFFFFFFFF
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MIX_0, _MIX_1 = np.uint64(0x85EBCA6B), np.uint64(0xC2B2AE35)
_LOW = np.uint64(_MASK)
_5, _6, _13, _16, _32 = np.uint64(5), np.uint64(6), np.uint64(13), np.uint64(16), np.uint64(32)
_ULP = 2.0**-53
_INVERT_BELOW = 30.0  # mean count under which inversion is cheaper than rejection
_NEGLIGIBLE = 1e-20  # a probability that no 53-bit uniform can see
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)

inlined = njit(forceinline=True)  # a call costs as much as the ten rounds: it passes words through memory


def stable_key(name: str) -> int:
    """The 32-bit entity key of a name: the same in every process, whatever PYTHONHASHSEED says."""
    return int.from_bytes(hashlib.blake2s(name.encode(), digest_size=4).digest(), "little")


@inlined
def _word(x):
    """The low 32 bits of an integer of any type."""
    return np.uint64(np.int64(x) & _MASK)


@njit
def _mix(x):
    """MurmurHash3's 32-bit finaliser: a bijection that spreads small integers over all words."""
    x = ((x ^ (x >> _16)) * _MIX_0) & _LOW
    x = ((x ^ (x >> _13)) * _MIX_1) & _LOW
    return x ^ (x >> _16)


@njit
def subkey(entity, cohort):
    """The entity key of a cohort within an entity, from a *stable* integer (zone, phase), never a slot.

    Two cohorts of one entity never share a key.
    """
    return np.int64(_mix(_word(entity) ^ _mix(_word(cohort + 1))))


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: four random words from four counter words and two key words (all 0 … 2^32-1)."""
    c0, c1, c2, c3 = _word(c0), _word(c1), _word(c2), _word(c3)
    k0, k1 = _word(k0), _word(k1)
    for _ in range(10):
        p0, p1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _WEYL_0) & _LOW, (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inlined
def _unit(high, low):
    """A double in [0, 1) from the upper 27 bits of one word and the upper 26 of another."""
    return (np.int64(high >> _5) * 67108864.0 + np.int64(low >> _6)) * _ULP


@inlined
def uniforms(seed, entity, tick, purpose, replicate, block):
    """Two independent doubles in [0, 1), of 53 bits each: block number `block` of this stream."""
    key = np.int64(seed)
    a, b, c, d = philox(entity, tick, purpose << 16 | block, replicate, key, key >> 32)
    return _unit(a, b), _unit(c, d)


@inlined
def uniform(seed, entity, tick, purpose, replicate):
    """One double in [0, 1)."""
    return uniforms(seed, entity, tick, purpose, replicate, 0)[0]


@njit
def lognormal(median, sigma, seed, entity, tick, purpose, replicate):
    """A lognormal amount, in the unit of `median`; `sigma` is the standard deviation of its logarithm."""
    u, v = uniforms(seed, entity, tick, purpose, replicate, 0)
    return median * math.exp(sigma * math.sqrt(-2.0 * math.log1p(-u)) * math.cos(2.0 * math.pi * v))


@njit
def binomial(n, p, seed, entity, tick, purpose, replicate):
    """How many of `n` members succeed with probability `p` each. Exact in distribution for n up to 1e12.

    Where n·min(p, 1-p) < 30 it is the quantile of one uniform: monotone in u and in p, which is what common
    random numbers want. Above, Hörmann's rejection, nearly monotone.
    Raises ValueError for n < 0 or p not a number.
    """
    n = int(n)
    if n < 0 or p != p:
        raise ValueError("binomial: a negative count, or a probability that is not a number")
    if n == 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    least = min(p, 1.0 - p)
    if n * least >= _INVERT_BELOW:
        few = _binomial_reject(n, least, seed, entity, tick, purpose, replicate)
        return few if p <= 0.5 else n - few
    u = uniform(seed, entity, tick, purpose, replicate)
    return _binomial_invert(n, p, u) if p <= 0.5 else n - _binomial_invert(n, least, (1.0 - _ULP) - u)


@njit
def poisson(mean, seed, entity, tick, purpose, replicate):
    """A Poisson count. By inversion (monotone in u and mean) below 30, by Hörmann's rejection above.

    Raises ValueError for a mean that is negative or not a number.
    """
    if not mean >= 0.0:
        raise ValueError("poisson: a mean that is negative or not a number")
    if mean == 0.0:
        return 0
    if mean >= _INVERT_BELOW:
        return _poisson_reject(mean, seed, entity, tick, purpose, replicate)
    u = uniform(seed, entity, tick, purpose, replicate)
    k, weight = 0, math.exp(-mean)
    while u >= weight and (weight > _NEGLIGIBLE or k < mean):
        u -= weight
        k += 1
        weight *= mean / k
    return k


@njit
def _binomial_invert(n, p, u):
    """The smallest k whose cumulative probability exceeds `u`; p <= 1/2 and n·p < 30."""
    mean = n * p
    if u < 1.0 - mean:  # Bernoulli's inequality: (1-p)^n >= 1-np
        return 0
    odds = p / (1.0 - p)
    k, weight = 0, math.exp(n * math.log1p(-p))
    while u >= weight and k < n and (weight > _NEGLIGIBLE or k < mean):
        u -= weight
        weight *= odds * (n - k) / (k + 1)
        k += 1
    return k


@njit
def _binomial_reject(n, p, seed, entity, tick, purpose, replicate):
    """BTRS (Hörmann, J. Stat. Comput. Simul. 46, 1993); p <= 1/2 and n·p >= 10. 1.2 blocks on average."""
    sd = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * sd
    a = -0.0873 + 0.0248 * b + 0.01 * p
    squeeze = 0.92 - 4.2 / b
    log_peak = 1.0  # no logarithm of a probability: not yet computed
    block = 0
    while True:
        u, v = uniforms(seed, entity, tick, purpose, replicate, block)
        block += 1
        u -= 0.5
        edge = 0.5 - abs(u) + 0.5 * _ULP  # never zero
        x = math.floor((2.0 * a / edge + b) * u + n * p + 0.5) if edge > 1e-12 else -1.0
        if x < 0.0 or x > n:
            continue
        k = int(x)
        if edge >= 0.07 and v <= squeeze:
            return k
        if log_peak > 0.0:
            log_peak = _log_binomial(int((n + 1) * p), n, p)
        hat = (2.83 + 5.1 / b) * sd / (a / (edge * edge) + b)
        if math.log((v + 0.5 * _ULP) * hat) <= _log_binomial(k, n, p) - log_peak:
            return k


@njit
def _poisson_reject(mean, seed, entity, tick, purpose, replicate):
    """PTRS (Hörmann, Insurance: Math. Econ. 12, 1993); mean >= 10."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    block = 0
    while True:
        u, v = uniforms(seed, entity, tick, purpose, replicate, block)
        block += 1
        u -= 0.5
        edge = 0.5 - abs(u) + 0.5 * _ULP
        x = math.floor((2.0 * a / edge + b) * u + mean + 0.43) if edge > 1e-12 else -1.0
        if x < 0.0 or x > 4e18:  # beyond int64
            continue
        k = int(x)
        if edge >= 0.07 and v <= squeeze:
            return k
        if math.log((v + 0.5 * _ULP) * inverse_alpha / (a / (edge * edge) + b)) <= _log_poisson(k, mean):
            return k


@njit
def _log_binomial(k, n, p):
    """Log of the binomial probability of k by Loader's saddle-point form: good digits at n = 1e12."""
    if k == 0:
        return n * math.log1p(-p)
    if k == n:
        return n * math.log(p)
    return (
        _stirling_error(n) - _stirling_error(k) - _stirling_error(n - k)
        - _deviance(k, n * p) - _deviance(n - k, n * (1.0 - p))
        - _HALF_LOG_2PI - 0.5 * (math.log(k) + math.log1p(-k / n))
    )  # fmt: skip


@njit
def _log_poisson(k, mean):
    """Log of the Poisson probability of k, likewise."""
    if k == 0:
        return -mean
    return -_stirling_error(k) - _deviance(k, mean) - _HALF_LOG_2PI - 0.5 * math.log(k)


@njit
def _stirling_error(k):
    """log k! minus Stirling's formula, k >= 1."""
    x = float(k)
    if k < 16:
        return math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - _HALF_LOG_2PI
    y = 1.0 / (x * x)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - y / 1188) * y) * y) * y) / x


@njit
def _deviance(k, mean):
    """k·log(k/mean) + mean - k, without cancellation where k is near the mean."""
    x = float(k)
    if abs(x - mean) >= 0.1 * (x + mean):
        return x * math.log(x / mean) + mean - x
    v = (x - mean) / (x + mean)
    total, term, j = (x - mean) * v, 2.0 * x * v, 1
    while True:
        term *= v * v
        j += 2
        after = total + term / j
        if after == total:
            return total
        total = after
