"""Text to train on that is the same on every machine: sentences with some structure to learn."""


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    subjects = ["the kernel", "a collective", "the optimizer", "each rank", "the recorder"]
    verbs = ["waits for", "overlaps with", "launches", "measures", "explains"]
    objects = ["the copy", "the gradient", "a bucket", "the step", "every stream"]
    state, lines = 1, []
    for _ in range(20_000):
        words = []
        for choice in (subjects, verbs, objects):
            state = (state * 1_664_525 + 1_013_904_223) % 2**32
            words.append(choice[(state >> 16) % 5])
        lines.append(" ".join(words) + ".\n")
    (folder / "corpus.txt").write_text("".join(lines))
    return folder
