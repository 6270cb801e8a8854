"""sentence-transformers in an environment of its own: vectors of texts, and the seconds they took."""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

if __name__ == "__main__":
    folder, texts, found = sys.argv[1:]
    torch.set_num_threads(1)
    model = SentenceTransformer(folder, local_files_only=True)
    model.encode(["warm"])
    given = json.loads(Path(texts).read_text(encoding="utf-8"))
    begun = perf_counter()
    vectors = model.encode(given, normalize_embeddings=True)
    np.savez(found, vectors=vectors, seconds=perf_counter() - begun)
