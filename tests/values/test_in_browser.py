"""A browser that opens the address of a number shows the number: the page has the words of the fragment."""

import pytest

from finner_batch.text.extract import extract
from finner_batch.text.sentences import split
from finner_batch.values.entity import sec_url_of

FILLER = "<p>We make copper lanterns and sell them to shops in many towns.</p>" * 60
PLACES = {
    "6.125": "<p>The 2030 Notes bear interest at a fixed rate of <b>6.125</b>% per annum &amp; mature in 2030.</p>",
    "2.25": "<p>Borrowings bear interest at&nbsp;Term&#160;SOFR plus <font>2.25</font>% a\nyear.</p>",
    "364": "<p>We have a <span>364</span>-day facility, undrawn, with &#8220;our&#8221; bank\u2014see below.</p>",
    "75.0": "<div><span>&#8226;</span><div>$75.0 million of notes due in 2037, which are unsecured;</div></div>",
    "4.50": "<table><tr><td><p>The loan of our subsidiary bears interest at 4.50%, fixed.</p></td></tr></table>",
    "1,250": "<p>Up to $1,250 million<sup>(1)</sup> may be borrowed under the revolving credit facility.</p>",
}
IN_VIEW = """text => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange()
  for (let node; (node = walker.nextNode());) {
    if (!node.data.includes(text)) continue
    range.selectNodeContents(node)
    const box = range.getBoundingClientRect()
    return scrollY > 0 && box.top >= 0 && box.bottom <= innerHeight
  }
}"""


@pytest.mark.parametrize("number", PLACES)
def test_the_address_of_a_number_leads_to_it(chromium, tmp_path, number):
    path = tmp_path / "filing.htm"
    path.write_text(f"<meta charset=utf-8>{FILLER}{FILLER.join(PLACES.values())}{FILLER}", encoding="utf-8")
    sentences = split(extract(path.read_text(encoding="utf-8"), "html", tables=True))
    sentence = next(sentence.text for sentence in sentences if number in sentence.text)
    start = sentence.index(number)
    page = chromium.new_page(viewport={"width": 800, "height": 300})

    page.goto(sec_url_of(path.as_uri(), sentence, start, start + len(number)))

    page.wait_for_function(IN_VIEW, arg=number, timeout=5000)
    page.close()
