"""Texts for benchmarks: words of our own making, lengths drawn evenly, the same for every run."""
import random

SYLLABLES = "ba be bi bo da de di do fa ga ka la le li lo ma me mi mo na ne no pa pe po ra re ri ro sa se si so ta te ti to".split()
PLAIN = (
    "the a of to and in is it that for on with as was at by be this have from or one had not but what all were when we "
    "there can an your which their said if do will each about how up out them then she many some so these would other "
    "into has more her two like him see time could no make than first been its who now people my made over did down only "
    "way find use may water long little very after words called just where most know"
).split()


def words(count, seed):
    rng = random.Random(seed)
    made = ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 3))) for _ in range(400)]
    return [rng.choice(PLAIN) if rng.random() < 0.8 else rng.choice(made) for _ in range(count)]


def texts(tokenizer, count, low, high, seed):
    """`count` texts of `low` to `high` tokens, special ones included."""
    rng = random.Random(seed)
    result = []
    for i in range(count):
        wanted = rng.randint(low, high)
        pool = words(wanted, seed * 100003 + i)
        text = " ".join(pool)
        while len(tokenizer.encode(text).ids) > wanted and len(pool) > 1:
            pool.pop()
            text = " ".join(pool)
        result.append(text)
    return result
