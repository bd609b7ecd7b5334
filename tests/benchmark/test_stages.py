import gc

import pytest

from finner_batch.benchmark import stages
from finner_batch.benchmark.stages import STAGES, run_stages
from finner_batch.benchmark.survey import survey
from finner_batch.benchmark.timed import TimedSession, TimedTagger
from finner_batch.config import RunConfig
from finner_batch.engine.run import run
from finner_batch.errors import UsageError
from finner_batch.sources.discover import discover
from finner_batch.tagger.tagger import Tagger


def test_a_pass_does_what_a_run_does_and_measures_every_stage(filings, sources, model, session, tmp_path):
    report = run(RunConfig(input=(str(filings),), output=str(tmp_path / "results"), device="cpu", workers=1))
    found = run_stages(sources, model, session)
    assert (found.documents, found.failed, found.entities) == (2, 0, report.entities)
    assert (found.tokens, found.tokens_run) == (report.tokens, report.tokens_run)
    assert tuple(found.seconds) == STAGES
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.tokens > found.tokens_run  # the second page repeats the first
    assert found.squared_lengths > found.tokens_run


def test_the_garbage_collector_is_off_while_a_pass_measures_and_on_again_after_it(sources, model, session, monkeypatch):
    seen = []
    extract = stages.extract
    monkeypatch.setattr(stages, "extract", lambda *given: seen.append(gc.isenabled()) or extract(*given))
    run_stages(sources, model, session)
    assert seen == [False, False]
    assert gc.isenabled()


def test_a_file_that_cannot_be_read_is_counted_and_the_others_are_measured(filings, model, session, tmp_path):
    (tmp_path / "broken.htm.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip stream")
    given = list(discover([str(filings), str(tmp_path)]))
    found = run_stages(given, model, session)
    assert (found.documents, found.failed) == (2, 1)
    assert survey(given, model)[0].documents == 2


def test_the_survey_counts_tokens_as_the_tagger_does(sources, model, session):
    counts, distinct = survey(sources, model)
    found = run_stages(sources, model, session)
    assert counts.numbered_tokens == found.tokens
    assert counts.prose_tokens > counts.numbered_tokens
    assert counts.sentences > counts.numbered_sentences > len(distinct) == 7
    assert counts.markup_bytes == counts.html_bytes == counts.stored_bytes


def test_an_input_without_a_number_is_refused(model, tmp_path):
    (tmp_path / "a.htm").write_text("<p>Nothing is stated here.</p>")
    with pytest.raises(UsageError, match="no sentence with a number"):
        survey(list(discover([str(tmp_path)])), model)


def test_a_session_that_is_not_asked_for_what_ran_is_no_measurement(sources, model, session):
    tagger = TimedTagger(Tagger(model, session), TimedSession(session))  # the tagger runs past the timed session
    texts = survey(sources, model)[1]
    windows = [window for text in texts for window in tagger.tokenizer().windows(text, [(0, 1)])]
    with pytest.raises(RuntimeError, match="0 were measured"):
        tagger.probabilities(windows)
