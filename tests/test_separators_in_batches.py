"""Records that are checked together are marked as each is by itself."""

from hypothesis import given
from hypothesis import strategies as st

from mixer.conversation import Conversation, Turn
from mixer.validate import check_all

TEXT = st.lists(
    st.sampled_from(["a", " ", "</s>", "<", "ASSISTANT: ", "ASSISTANT:", " ASSISTANT: ", "\n", "<image>", "ü"]),
    min_size=1,
    max_size=4,
).map("".join)


@st.composite
def records(draw):
    """Make plain ones, some of an image, pairs, and faulty ones."""
    kind = draw(st.sampled_from(["text", "image", "pair"]))
    turns = [Turn("human", draw(TEXT)), Turn("gpt", draw(TEXT))]
    if kind == "pair":
        chosen, rejected = Turn("gpt", draw(TEXT)), Turn("gpt", draw(TEXT))
        return Conversation(id="p", conversations=turns[:1], chosen=chosen, rejected=rejected)
    if kind == "image":
        turns[0].value = f"<image>\n{turns[0].value}"
        return Conversation(id="i", image="a.jpg", conversations=turns)
    return Conversation(id="t", conversations=turns)


@given(st.lists(records(), max_size=5))
def test_separators_do_not_depend_on_neighbours(batch):
    """Few are looked at closely; what is said of them is the same alone and together."""
    assert check_all(batch).separators == [check_all([each]).separators[0] for each in batch]


@given(records())
def test_records_are_marked_by_what_they_hold(record):
    """A text is marked that holds `</s>`, or ` ASSISTANT: ` once it is put into the template."""
    marked = False
    for turn in [*record.conversations, *filter(None, (record.chosen, record.rejected))]:
        text = turn.value
        if record.image and "<image>" in text:
            text = ("<image>\n" + text.replace("<image>", "").strip()).strip()
        marked |= "</s>" in text or " ASSISTANT: " in (f"USER: {text} A" if turn.from_ == "human" else text)

    assert check_all([record]).separators == [marked]
