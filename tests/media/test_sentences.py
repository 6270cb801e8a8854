"""A sentence encoder of the user's own, on a network so small that its answers are known."""

import json
import struct

import numpy as np
import pytest

from merx.errors import ConfigError
from merx.media import sentences
from merx.media.library import Library
from merx.media.sentences import SentenceEncoder, kept_vectors
from merx.shop import Shop
from tests.shops import settings

pytest.importorskip("onnxruntime", reason="needs merx[text]")
tokenizers = pytest.importorskip("tokenizers", reason="needs merx[text]")

WORDS = ["[PAD]", "[UNK]", "red", "blue", "hat", "pan", "wool", "steel"]
TABLE = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)


def field(number, value):
    """One field of a protocol buffer: an int, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def value_info(name, kind, *sides):
    shape = b"".join(field(1, field(2, s) if isinstance(s, str) else field(1, s)) for s in sides)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def network(extra=()):
    """ONNX: the row of TABLE of each token, (B, L) to (B, L, 4)."""
    floats, ints = 1, 7
    rows = b"".join(field(1, side) for side in TABLE.shape) + field(2, floats) + field(8, "table")
    rows += field(9, struct.pack(f"<{TABLE.size}f", *TABLE.ravel()))
    node = field(1, "table") + field(1, "input_ids") + field(2, "last_hidden_state") + field(4, "Gather")
    inputs = [value_info(name, ints, "b", "l") for name in ("input_ids", "attention_mask", *extra)]
    graph = field(1, node) + field(2, "g") + field(5, rows) + b"".join(field(11, one) for one in inputs)
    graph += field(12, value_info("last_hidden_state", floats, "b", "l", 4))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "encoder"
    found.mkdir()
    (found / "model.onnx").write_bytes(network())
    vocabulary = {word: place for place, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(found / "tokenizer.json"))
    return found


def mean(*words):
    vector = TABLE[[WORDS.index(word) for word in words]].mean(axis=0)
    return vector / np.linalg.norm(vector)


def test_a_vector_is_the_mean_of_its_tokens_whatever_stands_beside_it(folder):
    encoder = SentenceEncoder(folder)
    titles = ["red wool hat", "pan", None, "blue steel", "  "]
    descriptions = [None, "red steel", None, "", None]
    found = encoder.embed(titles, descriptions)
    np.testing.assert_allclose(found[0], mean("red", "wool", "hat"), rtol=1e-5)
    np.testing.assert_allclose(found[1], mean("pan", "red", "steel"), rtol=1e-5)
    np.testing.assert_allclose(found[3], mean("blue", "steel"), rtol=1e-5)
    assert not found[[2, 4]].any()
    alone = encoder.embed(["pan"], ["red steel"])
    np.testing.assert_allclose(alone[0], found[1], rtol=1e-6)
    long = encoder.embed(["red " * 300 + "hat"], [None])  # cut after 256 tokens
    np.testing.assert_allclose(long[0], mean("red"), rtol=1e-4)


def test_a_network_that_pools_by_its_first_token_is_read_so(folder):
    before = SentenceEncoder(folder).fingerprint
    (folder / "1_Pooling").mkdir()
    told = folder / "1_Pooling" / "config.json"
    told.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    encoder = SentenceEncoder(folder)
    np.testing.assert_allclose(encoder.embed(["red wool"], ["hat"])[0], mean("red"), rtol=1e-5)
    assert encoder.fingerprint != before
    for newer, token in (("cls", mean("red")), ("mean", mean("red", "wool"))):
        told.write_text(json.dumps({"pooling_mode": newer}))
        np.testing.assert_allclose(SentenceEncoder(folder).embed(["red wool"], [None])[0], token, rtol=1e-5)
    told.write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        SentenceEncoder(folder).embed(["red"], [None])
    told.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(ConfigError, match="neither by the mean"):
        SentenceEncoder(folder).embed(["red"], [None])


def test_texts_are_padded_to_the_longest_and_cut_where_the_model_says(folder):
    """Published tokenizers pad every text to 128 tokens and cut it there, which holds for one model alone."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(length=3, pad_id=WORDS.index("[PAD]"), pad_token="[PAD]")
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))
    titles = ["red wool hat pan", "blue"]
    found = SentenceEncoder(folder).embed(titles, [None, None])
    np.testing.assert_allclose(found, [mean("red", "wool", "hat", "pan"), mean("blue")], rtol=1e-5)
    before = SentenceEncoder(folder).fingerprint
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 3}')
    three = SentenceEncoder(folder).embed(titles, [None, None])
    np.testing.assert_allclose(three[0], mean("red", "wool", "hat"), rtol=1e-5)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 2}')
    shorter = SentenceEncoder(folder)
    np.testing.assert_allclose(shorter.embed(titles, [None, None])[0], mean("red", "wool"), rtol=1e-5)
    assert shorter.fingerprint != before


def test_layers_that_are_not_read_are_refused(folder):
    layers = [
        {"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling", "Dense")
    ]
    (folder / "modules.json").write_text(json.dumps(layers))
    with pytest.raises(ConfigError, match="has the layer Dense"):
        SentenceEncoder(folder).embed(["red"], [None])
    (folder / "modules.json").write_text(json.dumps(layers[:2]))
    np.testing.assert_allclose(SentenceEncoder(folder).embed(["red"], [None])[0], mean("red"), rtol=1e-5)


def test_weights_in_safetensors_are_run_by_transformers(folder):
    transformers = pytest.importorskip("transformers", reason="needs merx[transformers]")
    torch = pytest.importorskip("torch", reason="needs merx[transformers]")
    (folder / "model.onnx").unlink()
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(vocab_size=len(WORDS), **sizes)).eval()
    model.save_pretrained(folder)
    encoder = SentenceEncoder(folder)
    found = encoder.embed(["red wool hat", "pan"], [None, None])
    with torch.inference_mode():
        tokens = model(torch.tensor([[WORDS.index(word) for word in ("red", "wool", "hat")]]))
    expected = tokens.last_hidden_state[0].mean(dim=0).numpy()
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), rtol=1e-4, atol=1e-6)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")  # a pickle, by its name
    with pytest.raises(ConfigError, match="has none of"):
        SentenceEncoder(folder)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ConfigError, match="cannot be read"):
        SentenceEncoder(folder).embed(["red"], [None])


def test_only_new_texts_are_computed(folder, tmp_path, monkeypatch):
    store, titles = tmp_path / "media" / "text", ["red hat", None, "pan", "red hat"]
    first = kept_vectors(SentenceEncoder(folder), store, titles, [None] * 4)
    np.testing.assert_allclose(first[2], mean("pan"), rtol=1e-5)
    assert not first[1].any() and np.array_equal(first[0], first[3])
    asked = []
    monkeypatch.setattr(
        SentenceEncoder, "embed", lambda self, texts, _: asked.append(texts) or np.ones((len(texts), 4))
    )
    again = kept_vectors(SentenceEncoder(folder), store, [*titles, "wool"], [None] * 5)
    assert asked == [["wool"]]
    np.testing.assert_array_equal(again[:4], first)
    (folder / "model.onnx").write_bytes(network() + field(3, "another"))
    kept_vectors(SentenceEncoder(folder), store, ["pan"], [None])
    assert (
        len(Library(store).vectors(SentenceEncoder(folder).fingerprint)) == 1
    )  # of the other nothing is kept
    assert len(list((store / "vectors").iterdir())) == 1


def test_a_shop_reads_the_encoder_that_it_names(folder, tmp_path):
    shop = Shop.init(tmp_path / "shop")
    (shop.folder / "products.csv").write_text("item_id,title\na,red hat\nb,blue pan\nc,\n")
    shop.ingest(shop.folder / "products.csv")
    shop = settings(shop, f'\n[media]\ntext_encoder = "{folder}"\n')
    with shop.inputs() as inputs:
        text = inputs.of("features").of("text")
    np.testing.assert_allclose(text[:2], [mean("red", "hat"), mean("blue", "pan")], rtol=1e-5)
    assert not text[2].any()
    assert (shop.folder / "media" / "text" / "vectors").is_dir()
    folder.rename(tmp_path / "elsewhere")
    with shop.inputs() as inputs, pytest.raises(ConfigError, match="is no folder"):
        inputs.of("features")


def test_what_is_missing_or_broken_is_named(folder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="is no folder"):
        SentenceEncoder(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"has none of model\.onnx, .*model\.safetensors"):
        SentenceEncoder(tmp_path)
    (folder / "model.onnx").write_bytes(network(extra=["position_ids"]))
    with pytest.raises(ConfigError, match="asks for position_ids"):
        SentenceEncoder(folder).embed(["red"], [None])
    (folder / "model.onnx").write_bytes(b"no network")
    with pytest.raises(ConfigError, match="cannot be read"):
        SentenceEncoder(folder).embed(["red"], [None])
    monkeypatch.setattr(sentences, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'merx\[text\]'"):
        SentenceEncoder(folder).embed(["red"], [None])
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"has no tokenizer\.json"):
        SentenceEncoder(folder)
