import pytest

from finner_batch.readers.discover import discover
from finner_batch.tagging.model import load_model
from finner_batch.tagging.session import open_session

PAGE = """<html><body><p>ITEM 8. FINANCIAL STATEMENTS</p><p>Note 7 - Debt</p>
<p>The 2031 Notes bear interest at a fixed rate of 4.25% per annum. They were sold to a group of banks.</p>
<p>Borrowings under the facility bear interest at SOFR plus 1.75%. The facility is of $500.0 million.</p>
<p>We paid the notes of Smith v. Jones, No. 22-cv-01234 (D. Del. 2023). The court did not object.</p></body></html>"""


@pytest.fixture(scope="module")
def filings(tmp_path_factory):
    """A folder with two pages: the second repeats the sentences of the first, and adds one."""
    folder = tmp_path_factory.mktemp("filings")
    (folder / "a.htm").write_text(PAGE)
    (folder / "b.htm").write_text(PAGE.replace("</body>", "<p>A fee of 0.25% is paid.</p></body>"))
    return folder


@pytest.fixture(scope="module")
def sources(filings):
    return list(discover([str(filings)]))


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def session(model):
    return open_session(model, "cpu", backend="onnxruntime")
