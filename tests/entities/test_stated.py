from finner_batch.entities.stated import stated_scales

BARE = "The Company entered into a $1,200 credit agreement and repaid $300 of notes, and $34 is outstanding.\n" * 8
WORDS = "The Company entered into a $1.2 billion credit agreement and repaid $300 million of notes.\n" * 8
HEADING = "(Dollars in millions, except per share data)\n"


def scale_of(text, phrase):
    return stated_scales(text, [text.index(phrase)])[0]


def test_the_heading_of_a_document_scales_bare_amounts():
    assert scale_of(HEADING + BARE, "The Company") == 6
    assert scale_of("(In Thousands)\n" + BARE, "The Company") == 3


def test_without_a_heading_amounts_are_as_printed():
    assert scale_of(BARE, "The Company") == 0
    assert scale_of("Revenue rose in " + "x" * 300 + " in millions of ways.\n" + BARE, "The Company") == 0


def test_a_heading_over_tables_alone_scales_nothing():
    assert scale_of(HEADING + WORDS + "It paid a fee of $25,000.\n", "It paid") == 0


def test_the_passage_decides_which_way_it_writes():
    text = HEADING + WORDS * 2 + BARE
    assert scale_of(text, "$1.2 billion") == 0
    assert stated_scales(text, [text.rindex("The Company")]) == [6]


def test_the_most_frequent_heading_is_the_documents():
    assert scale_of(HEADING + HEADING + "(in thousands)\n" + BARE, "The Company") == 6


def test_one_scale_is_given_for_each_position():
    assert stated_scales("", []) == []
    assert len(stated_scales(HEADING + BARE, [0, 10, 100])) == 3
