#!/usr/bin/env python3
"""What transformers' pipelines answer, over the tiny models of tiny_models.py.

    tasks.py DATA_FOLDER [answer]

DATA_FOLDER is tests/data; the models lie in it. Written is DATA_FOLDER/tasks/ARCH.jsonl for each architecture, two lines a
question: the body of POST /serve, and "outputs" of its answer: what the pipeline answered, in our words. With `answer` it is
ARCH-answer.jsonl, of the pipeline question-answering, which transformers has up to 4.57 (pip install transformers==4.57.1 in
an environment of its own). versions.txt and versions-answer.txt say what made them. There is no pipeline for rerank: its
scores are the sigmoid of the model's logits, as in sentence-transformers' CrossEncoder. Read by tests/flow/test_tasks.c.
"""
import json
import sys
from pathlib import Path

import tiny_models
import tokenizers
import torch
import transformers

TEXTS = [
    "the bread is on the table", "Small engine, old stone!", "rain", "one two three four five", "The RIVER was green (and slow).",
    "naïve café 😀 bread", "das haus ist nicht im wasser", "unsendable tokenings, readers and slowest writers", "it's 42 o'clock",
    "the old engine counts copper stones by the river " * 8,
]
PAIRS = [("bread", "honey"), ("the old stone", "it is in the river"), ("who reads the map?", "a reader with 3 clocks"),
         ("rain", "the green light of the small paper house " * 9)]
# Nothing but words and single spaces, and no token that is a space alone: what transformers takes for words in a byte-level BPE
# (whatever stands between spaces) are the tokenizer's words here, and those are ours.
WORDS_ONLY = ["the capital of france is paris and that of germany is berlin", "open the paper and write three words",
              "who was at the station before the clock", "the model sends the words"]
ASKED = [
    ("who reads?", "The small engine reads the old map. One river was slow, but the GREEN stone (in the rain) is fast."),
    ("what is green?", "Rain."),
    ("where is the bread", "naïve café 😀 bread and honey – on the table, by the clock, with one small light"),
    ("was ist das", "das haus und der baum sind nicht im wasser"),
]
# No word twice: of a text that stands in several places transformers tells the one that it saw first, we the likeliest.
LONG = " ".join((tiny_models.WORDS + tiny_models.MORE_WORDS)[:150])
ARCHS = ("bert", "roberta", "distilbert")


class Golden:
    def __init__(self, data, name):
        self.data, self.name, self.lines = data, name, []

    def load(self, model, task):
        folder = str(self.data / model)
        pipe = transformers.pipeline(task, model=folder, tokenizer=folder, device="cpu")
        if "distilbert" in model:  # its tokenizer says that it is BERT's
            pipe.tokenizer.model_input_names = ["input_ids", "attention_mask"]
        return pipe

    def add(self, model, inputs, outputs, task=None, **parameters):
        question = {"model": model, "inputs": inputs}
        if task:
            question["task"] = task
        if parameters:
            question["parameters"] = parameters
        self.lines += [json.dumps(question, ensure_ascii=False), json.dumps(outputs, ensure_ascii=False)]

    def write(self):
        self.data.joinpath("tasks", f"{self.name}.jsonl").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        print(self.name, len(self.lines) // 2, "questions")


def labels(entries):
    return [{"label": e["label"], "score": e["score"]} for e in entries]


def classify(golden, arch):
    model = f"tiny-{arch}-classify"
    pipe = golden.load(model, "text-classification")
    run = lambda inputs, **more: [labels(x) for x in pipe(inputs, top_k=None, truncation=True, **more)]
    golden.add(model, TEXTS, run(TEXTS))
    golden.add(model, TEXTS[0], run(TEXTS[:1]))
    for function in ("softmax", "sigmoid", "none"):
        golden.add(model, TEXTS[:3], run(TEXTS[:3], function_to_apply=function), function=function)
    golden.add(model, TEXTS[:3], [x[:2] for x in run(TEXTS[:3])], top_k=2)
    golden.add(model, [{"text": a, "pair": b} for a, b in PAIRS], run([{"text": a, "text_pair": b} for a, b in PAIRS]))


def rerank(golden, arch):
    model = f"tiny-{arch}-rerank"
    pipe = golden.load(model, "text-classification")
    query, texts = "old stone in the river", TEXTS
    with torch.no_grad():
        logits = [pipe.model(**pipe.tokenizer(query, t, truncation="longest_first", return_tensors="pt")).logits[0, 0] for t in texts]
    ranked = sorted(enumerate(logits), key=lambda e: -e[1])
    scores = lambda f: [{"index": i, "score": f(x)} for i, x in ranked]
    inputs = {"query": query, "texts": texts}
    golden.add(model, inputs, scores(lambda x: torch.sigmoid(x).item()))
    golden.add(model, inputs, scores(lambda x: x.item())[:3], raw_scores=True, top_n=3)
    golden.add(model, TEXTS[:2], [labels(x) for x in pipe(TEXTS[:2], top_k=None)], task="classify")


def token_classify(golden, arch):
    model = f"tiny-{arch}-tokens"
    pipe = golden.load(model, "token-classification")

    def run(texts, strategy):
        return [[{"label": e.get("entity_group", e.get("entity")), "score": float(e["score"]), "start": e["start"], "end": e["end"],
                  "text": text[e["start"]:e["end"]]} for e in pipe(text, aggregation_strategy=strategy)] for text in texts]

    golden.add(model, TEXTS, run(TEXTS, "simple"))
    golden.add(model, TEXTS, run(TEXTS, "none"), aggregation="none")
    for strategy in ("first", "max", "average"):
        texts = TEXTS[:5] + TEXTS[6:7] + TEXTS[7:8] if arch != "roberta" else WORDS_ONLY
        golden.add(model, texts, run(texts, strategy), aggregation=strategy)


def fill_mask(golden, arch):
    model = f"tiny-{arch}-fill-mask"
    pipe = golden.load(model, "fill-mask")
    mask = pipe.tokenizer.mask_token
    tokens = lambda entries: [{"token": e["token_str"], "score": e["score"]} for e in entries]
    texts = [f"the {mask} is on the table", f"{mask}", f"old stone, {mask}! (in the rain)", f"un{mask} 😀"]
    golden.add(model, texts, [tokens(pipe(t)) for t in texts])
    golden.add(model, texts[0], [tokens(pipe(texts[0], top_k=20))], top_k=20)
    several = f"{mask} and {mask} of the {mask}"
    golden.add(model, several, [[tokens(e) for e in pipe(several)]])
    targets = ["bread", "stone", "a"] if arch != "roberta" else ["a", "the", "e"]
    golden.add(model, texts[0], [tokens(pipe(texts[0], targets=targets))], targets=targets)


def answer(golden, arch):
    model = f"tiny-{arch}-answer"
    pipe = golden.load(model, "question-answering")
    entry = lambda e: {"text": e["answer"], "score": e["score"], "start": e["start"], "end": e["end"]}
    several = lambda e: [entry(x) for x in (e if isinstance(e, list) else [e])]
    inputs = [{"question": q, "context": c} for q, c in ASKED]
    run = lambda i, **more: pipe(question=i["question"], context=i["context"], **more)
    golden.add(model, inputs, [entry(run(i)) for i in inputs])
    golden.add(model, inputs[0], [entry(run(inputs[0]))])
    golden.add(model, inputs[0], several(run(inputs[0], top_k=5)), top_k=5)
    golden.add(model, inputs, [several(run(i, top_k=3)) for i in inputs], top_k=3)
    golden.add(model, inputs, [entry(run(i, max_answer_len=2)) for i in inputs], max_answer_tokens=2)
    golden.add(model, inputs, [several(run(i, top_k=4, handle_impossible_answer=True)) for i in inputs], top_k=4, null_answer=True)
    long = {"question": "who reads?", "context": LONG}
    golden.add(model, long, [entry(run(long))])
    golden.add(model, long, several(run(long, top_k=4)), top_k=4)
    golden.add(model, long, several(run(long, top_k=4, doc_stride=10)), top_k=4, stride=10)


def main(data, kind):
    transformers.logging.set_verbosity_error()
    folder = Path(data)
    folder.joinpath("tasks").mkdir(exist_ok=True)
    for arch in ARCHS:
        golden = Golden(folder, arch + kind)
        for task in [answer] if kind else [classify, token_classify, fill_mask, rerank]:
            if task != rerank or (folder / f"tiny-{arch}-rerank").exists():
                task(golden, arch)
        golden.write()
    folder.joinpath("tasks", f"versions{kind}.txt").write_text(
        f"made by tools/golden/tasks.py with python {sys.version.split()[0]}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}\n")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["answer"]):
        sys.exit(__doc__)
    main(sys.argv[1], "-answer" if sys.argv[2:] else "")
