import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from finner_batch.errors import ModelError
from finner_batch.tagging.tokens import SentenceTokenizer

PACKAGED = Path(__file__).parents[2] / "finner_batch" / "models" / "debt4" / "tokenizer.json"
NUMBER = re.compile(r"\d+(?:[.,]\d+)*", re.ASCII)


def numbers(sentence):
    return [match.span() for match in NUMBER.finditer(sentence)]


@cache
def library_tokenizer():
    tokenizer = Tokenizer.from_file(str(PACKAGED))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def sentence_tokenizer(max_length):
    return SentenceTokenizer(PACKAGED, max_length)


SENTENCES = [
    "The Notes bear interest at 2.25% and SOFR plus 1.50%-1.75% (3.5%).",
    "  leading space, $1,500,000.00 and €400 million; naïve Ünïcode №5 ½ x²",
    "tab\tand\nnewline 7\r\n8 and nbsp\u00a09 and zero\u200b10",
    "日本語123と456 mixed",
    "a" * 300 + " 12",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_ids_are_those_of_the_tokenizers_library(sentence):
    (window,) = sentence_tokenizer(512).windows(sentence, numbers(sentence))
    assert window.ids.tolist() == library_tokenizer().encode(sentence).ids


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(0, 99999))
def test_ids_and_positions_hold_for_any_text(text, number):
    reference = library_tokenizer()
    sentence = f"{text} {number} {text}"
    spans = numbers(sentence)
    (window,) = sentence_tokenizer(512).windows(sentence, spans)
    encoding = reference.encode(sentence)
    assert window.ids.tolist() == encoding.ids
    for (start, end), position in zip(window.numbers, window.positions, strict=True):
        piece_start, piece_end = encoding.offsets[position]
        assert piece_start < end
        assert piece_end > start
        assert encoding.offsets[position - 1][1] <= start or position == 1


@given(st.integers(0, 400), st.sampled_from([16, 31, 64]))
@settings(max_examples=60, deadline=None)
def test_every_number_of_a_long_sentence_is_read_in_exactly_one_window_near_its_middle(words, max_length):
    sentence = " ".join(f"rate {index}" for index in range(words))
    spans = numbers(sentence)
    windows = sentence_tokenizer(max_length).windows(sentence, spans)
    read = [number for window in windows for number in window.numbers]
    assert sorted(read) == spans
    assert all(len(window.ids) <= max_length for window in windows)
    whole = sentence_tokenizer(100_000).windows(sentence, spans)
    where = dict(zip(whole[0].numbers, whole[0].positions, strict=True)) if whole else {}
    room = max_length - 2
    for window in windows:
        for number, position in zip(window.numbers, window.positions, strict=True):
            assert window.ids[position] == whole[0].ids[where[number]]
            context = min(position, len(window.ids) - 1 - position)
            from_ends = min(where[number], len(whole[0].ids) - 1 - where[number])
            assert context >= min(room // 4 - 1, from_ends)


def test_a_sentence_of_three_million_characters_is_read_whole():
    sentence = "the rate was 5 percent and " * 111_112
    windows = sentence_tokenizer(512).windows(sentence, numbers(sentence))
    assert sum(len(window.numbers) for window in windows) == 111_112


def test_many_numbers_without_a_space_between_them_are_read_in_linear_time():
    windows = sentence_tokenizer(512).windows(sentence := "1\u2013" * 300_000, numbers(sentence))
    assert sum(len(window.numbers) for window in windows) == 300_000


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"type": "BPE"}, "pre_tokenizer": {"type": "ByteLevel"}}))
    with pytest.raises(ModelError, match="WordPiece"):
        SentenceTokenizer(path, 512)


def test_a_special_token_spelt_out_in_the_text_is_text():
    sentence = "see [SEP] and xx[CLS]\u00e9 5"
    (window,) = sentence_tokenizer(512).windows(sentence, numbers(sentence))
    special = {library_tokenizer().token_to_id(token) for token in ("[SEP]", "[CLS]")}
    assert not special & set(window.ids[1:-1].tolist())
