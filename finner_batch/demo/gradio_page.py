"""Builds the page: Gradio's components, their look, and the answer to each event."""

from functools import partial
from typing import Any

import gradio as gr

from finner_batch.demo.answers import EMPTY, EXAMPLES, PARAGRAPH, Answers, lowest_threshold
from finner_batch.demo.finder import Finder, is_loopback

HEADER = (
    '<header class="fb-header"><h1>finner-batch</h1>'
    "<p>The financial numbers that a filing states: credit spreads, stated and effective rates, facility sizes.</p>"
    "</header>"
)
UPLOADS_S = (300, 600)
"""Interval at which unread uploads are deleted, and their maximum age, in seconds."""
STATE_S = 3600
"""Seconds for which a visitor's last reading is kept."""
TO_RESULTS = "() => { if (innerWidth < 700) document.querySelector('.fb-results').scrollIntoView() }"
"""Scrolls to the results, which a narrow screen shows far below the button."""


def build(finder: Finder) -> gr.Blocks:
    """Lay out the page and connect its events to `finder`."""
    config, models = finder.config, list(finder.models.values())
    page: gr.Blocks = gr.Blocks(title="finner-batch demo", analytics_enabled=False, delete_cache=UPLOADS_S)
    with page:
        _html(HEADER)
        with gr.Row(equal_height=False, elem_classes="fb-inputs"):
            with gr.Column(scale=2, min_width=320):
                text = gr.Textbox(
                    label="Paste text",
                    lines=11,
                    max_lines=11,
                    placeholder=f"Up to {config.max_characters:,} characters: a note, a paragraph, a sentence",
                    elem_id="fb-paste",
                )
                with gr.Row(elem_classes="fb-actions"):
                    find = gr.Button("Find numbers", variant="primary", elem_id="fb-find")
                    _html("<span>or try</span>", "fb-try")
                    paragraph = gr.Button("a paragraph", size="sm")
                    samples = [gr.Button(example.caption, size="sm") for example in EXAMPLES]
            with gr.Column(scale=1, min_width=300):
                file = gr.File(label="Or drop a filing", file_count="single", height=128, elem_id="fb-file")
                where = "this machine" if is_loopback(config.host) else "the machine that serves this page"
                _html(
                    '<p class="fb-hint">HTML, inline XBRL, full submission or plain text, also as .gz, up to '
                    f"{config.max_file_mb:,} MB. It is read on {where} and then deleted.</p>"
                )
                with gr.Group():
                    model = gr.Dropdown(
                        label="Model",
                        choices=[each.model_id for each in models],
                        value=models[0].model_id,
                        interactive=True,
                        filterable=False,
                        elem_id="fb-model",
                    )
                    threshold = gr.Slider(
                        0.05,
                        0.99,
                        value=lowest_threshold(models[0]),
                        step=0.01,
                        label="Confidence of at least",
                        elem_id="fb-least",
                        buttons=[],
                    )
                    use_own = gr.Checkbox(value=True, label="The model\u2019s own thresholds", elem_id="fb-own")
        reading = gr.State(time_to_live=STATE_S)
        shown = _html(EMPTY, "fb-results")

        answers = Answers(finder)
        choices = [model, threshold, use_own]
        slow: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 1, "api_visibility": "private"}
        fast: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
        read = [
            gr.on([find.click, text.submit], answers.text, [text, *choices], [reading, shown], **slow),
            file.upload(answers.file, [file, *choices], [reading, shown, file], **slow),
            paragraph.click(lambda: PARAGRAPH, None, text, api_visibility="private", show_progress="hidden").then(
                answers.text, [text, *choices], [reading, shown], **slow
            ),
            *(
                button.click(partial(answers.example, number), choices, [reading, shown], **slow)
                for number, button in enumerate(samples)
            ),
        ]
        for event in read:
            event.then(None, js=TO_RESULTS, api_visibility="private")
        model.input(answers.model, [reading, *choices], [reading, shown, threshold], **slow)
        # In the browser, so that it takes effect at once even while another event runs.
        threshold.input(None, None, use_own, js="() => false", api_visibility="private")
        threshold.input(answers.slider, [reading, threshold], shown, **fast)
        use_own.input(answers.own_thresholds, [reading, *choices], [shown, threshold], **fast)
    return page


def _html(content: str, name: str = "fb-prose") -> gr.HTML:
    return gr.HTML(content, js_on_load=None, apply_default_css=False, elem_classes=["fb-plain", name])


def theme() -> gr.themes.Base:
    """Return the theme of Gradio's components; it uses the fonts of the visitor's machine."""
    return gr.themes.Base(
        primary_hue="slate",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="#ffffff",
        body_background_fill_dark="#0f1520",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="#ffffff",
        block_background_fill_dark="#131b28",
        block_label_text_color="*neutral_600",
        block_title_text_color="*neutral_700",
        block_title_text_weight="600",
        block_radius="10px",
        button_primary_background_fill="*primary_800",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_200",
        button_primary_background_fill_hover_dark="*primary_100",
        button_primary_text_color_dark="*neutral_900",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="#182130",
        button_secondary_border_color="*neutral_300",
        button_border_width="1px",
        input_background_fill="#ffffff",
        input_background_fill_dark="#0f1520",
        input_border_width="1px",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        slider_color="*primary_700",
        slider_color_dark="*primary_300",
    )
