import subprocess
import sys

from repeated_filings import NEXT, OTHER, QUARTER, YEAR
from repeats import in_one_run, table


def test_one_run_saves_repeats_within_a_call_and_then_those_of_earlier_calls():
    within, across = in_one_run([YEAR, QUARTER, NEXT, OTHER], window_sentences=5)
    assert (within.filings, within.windows, within.tokens) == (4, 11, 60 + 15 + 14 + 26 + 10)
    assert (within.known_windows, within.known_tokens) == (3, 14 + 10)  # repeats of one filing, and of two in one call
    assert (across.tokens, across.known_tokens) == (101, 45 - 10)


COVER = """<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL" xmlns:dei="http://xbrl.sec.gov/dei/2023"><body><ix:header>
<ix:hidden><ix:nonNumeric contextRef="c" name="dei:DocumentPeriodEndDate">{period}</ix:nonNumeric>
<ix:nonNumeric contextRef="c" name="dei:DocumentType">10-Q</ix:nonNumeric>
<ix:nonNumeric contextRef="c" name="dei:EntityCentralIndexKey">0000000042</ix:nonNumeric></ix:hidden></ix:header>
<p>The notes bear 4.5% a year.</p><p>The loan bears {rate}%.</p><p>We have 7 plants.</p></body></html>"""


def test_the_command_prints_the_table(tmp_path, scripts):
    for name, period, rate in (("b", "2024-03-31", 5.25), ("a", "2024-06-30", 6.75)):
        (tmp_path / f"{name}.htm").write_text(COVER.format(period=period, rate=rate))

    def printed(*flags):
        command = [sys.executable, str(scripts / "repeats.py"), *flags, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    lines = printed()
    assert len(lines) == len(table([]).splitlines()) + 1
    assert "repeats within a call" in lines[1]
    assert " 25.0%" in lines[1]
    assert lines[-1].startswith("10-Q, a quarter after the firm's last ")
    assert lines[-1].split()[-5:-3] == ["2", "50.0%"]
    assert printed("--every-sentence")[-1].split()[-5:-3] == ["3", "66.7%"]
