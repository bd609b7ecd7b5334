"""The page: what a visitor gives and chooses, and what is shown for it."""

from pathlib import Path
from typing import Any

import gradio as gr

from finner_batch.demo.config import DemoConfig
from finner_batch.demo.examples import EXAMPLES, PARAGRAPH
from finner_batch.demo.finder import Finder, Given, Reading
from finner_batch.demo.results import alert, results
from finner_batch.errors import FinnerError
from finner_batch.tagger.model import Model

HEADER = (
    '<header class="fb-header"><h1>finner-batch</h1>'
    "<p>The financial numbers that a filing states: credit spreads, stated and effective rates, facility sizes.</p>"
    "</header>"
)
EMPTY = '<p class="fb-empty">What is found will stand here.</p>'
TOKEN_LIFE_S = 3600


def build(finder: Finder) -> gr.Blocks:
    """Lay out the page and wire its events to `finder`."""
    config = finder.config
    models = list(finder.models.values())
    own = least_threshold(models[0])
    with gr.Blocks(title="finner-batch demo", analytics_enabled=False, delete_cache=(300, 600)) as page:
        gr.HTML(HEADER, js_on_load=None)
        with gr.Row(equal_height=False, elem_classes="fb-inputs"):
            with gr.Column(scale=3, min_width=320):
                text = gr.Textbox(
                    label="Paste text",
                    info=f"Up to {config.max_characters:,} characters",
                    lines=9,
                    max_lines=9,
                    placeholder="The notes bear interest at …",
                    elem_id="fb-paste",
                )
                find = gr.Button("Find numbers", variant="primary", elem_id="fb-find")
            with gr.Column(scale=2, min_width=300):
                file = gr.File(
                    label=f"Or drop a filing: HTML, inline XBRL, submission, text, also .gz, up to {config.max_file_mb} MB",
                    file_count="single",
                    height=132,
                    elem_id="fb-file",
                )
                model = gr.Dropdown(
                    label="Model",
                    choices=[(choice_name(each, finder), each.model_id) for each in models],
                    value=models[0].model_id,
                    interactive=True,
                    filterable=False,
                    elem_id="fb-model",
                )
                threshold = gr.Slider(
                    0.05,
                    0.99,
                    value=own,
                    step=0.01,
                    label="Show numbers with a confidence of at least",
                    elem_id="fb-threshold",
                    buttons=[],
                )
                is_own = gr.Checkbox(value=True, label="The model’s own thresholds", elem_id="fb-own", container=False)
        with gr.Row(elem_classes="fb-examples"):
            gr.HTML("<span>Try</span>", js_on_load=None, elem_classes="fb-try")
            paragraph = gr.Button("A paragraph", size="sm")
            samples = [gr.Button(example.shows, size="sm") for example in EXAMPLES]
        reading = gr.State(time_to_live=TOKEN_LIFE_S)
        shown = gr.HTML(EMPTY, js_on_load=None, elem_id="fb-results", elem_classes="fb-results")

        def show(read: Reading | None, least: float, is_own: bool) -> str:
            if read is None:
                return EMPTY
            at = None if is_own else least
            return results(read, finder.found(read, at), at)

        def read_given(given: Given, model_id: str, least: float, is_own: bool) -> tuple[Reading | None, str]:
            try:
                read = finder.read(given, model_id)
                return read, show(read, least, is_own)
            except FinnerError as error:
                return None, alert(str(error))

        def read_text(text: str, *choices: Any) -> tuple[Reading | None, str]:
            if not text.strip():
                return None, alert("There is no text yet: paste some, or try an example.")
            return read_given(Given.of_text(text), *choices)

        def read_file(path: str | None, *choices: Any) -> tuple[Any, ...]:
            if path is None:
                return None, EMPTY, None
            return *read_given(taken(Path(path)), *choices), None

        def read_sample(number: int) -> Any:
            def read(*choices: Any) -> tuple[Reading | None, str]:
                path = EXAMPLES[number].path
                return read_given(Given(name=path.name, data=path.read_bytes()), *choices)

            return read

        def read_again(
            read: Reading | None, model_id: str, least: float, is_own: bool
        ) -> tuple[Reading | None, str, float]:
            least = least_threshold(finder.models[model_id]) if is_own else least
            if read is None:
                return None, EMPTY, least
            return *read_given(read.given, model_id, least, is_own), least

        def move(read: Reading | None, least: float) -> tuple[str, bool]:
            return show(read, least, False), False

        def choose_own(read: Reading | None, model_id: str, least: float, is_own: bool) -> tuple[str, float]:
            least = least_threshold(finder.models[model_id]) if is_own else least
            return show(read, least, is_own), least

        choices = [model, threshold, is_own]
        one_at_a_time = {"concurrency_id": "reading", "concurrency_limit": 1, "api_visibility": "private"}
        at_once = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
        gr.on([find.click, text.submit], read_text, [text, *choices], [reading, shown], **one_at_a_time)
        file.upload(read_file, [file, *choices], [reading, shown, file], **one_at_a_time)
        paragraph.click(lambda: PARAGRAPH, None, text, api_visibility="private", show_progress="hidden").then(
            read_text, [text, *choices], [reading, shown], **one_at_a_time
        )
        for number, button in enumerate(samples):
            button.click(read_sample(number), choices, [reading, shown], **one_at_a_time)
        model.input(read_again, [reading, *choices], [reading, shown, threshold], **one_at_a_time)
        threshold.input(move, [reading, threshold], [shown, is_own], **at_once)
        is_own.input(choose_own, [reading, *choices], [shown, threshold], **at_once)
    return page


def taken(path: Path) -> Given:
    """An upload's name and bytes; the upload itself is deleted."""
    try:
        return Given(name=path.name, data=path.read_bytes())
    finally:
        path.unlink()


def least_threshold(model: Model) -> float:
    """The lowest of a model's own thresholds, to two digits."""
    return round(min(model.thresholds[label] for label in model.labels[1:]), 2)


def choice_name(model: Model, finder: Finder) -> str:
    """How a model is called in the list of models."""
    return model.model_id
