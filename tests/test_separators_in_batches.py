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
    """A text is marked that holds `</s>`, or `ASSISTANT: ` at its start or behind a blank."""
    turns = [[*each.conversations, *filter(None, (each.chosen, each.rejected))] for each in batch]
    texts = [[f" {turn.value}" for turn in of] for of in turns]

    assert check_all(batch).separators == [any("</s>" in text or " ASSISTANT: " in text for text in of) for of in texts]
