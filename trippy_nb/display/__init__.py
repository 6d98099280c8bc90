"""What a run looks like: cards in text and in HTML, and the assets that cards, widgets and reports share."""

from trippy_nb.display.assets import esm as esm
from trippy_nb.display.assets import stylesheet as stylesheet
from trippy_nb.display.card import AlignedHop as AlignedHop
from trippy_nb.display.card import ComparisonCard as ComparisonCard
from trippy_nb.display.card import HopRow as HopRow
from trippy_nb.display.card import Responder as Responder
from trippy_nb.display.card import RunCard as RunCard
from trippy_nb.display.card import comparison_html as comparison_html
from trippy_nb.display.card import comparison_text as comparison_text
from trippy_nb.display.card import run_html as run_html
from trippy_nb.display.card import run_text as run_text
from trippy_nb.display.card import set_html as set_html
from trippy_nb.display.card import set_text as set_text
from trippy_nb.display.cardframe import CardFrame as CardFrame
from trippy_nb.display.cards import doctor_sentence as doctor_sentence
from trippy_nb.display.cards import doctor_sheet as doctor_sheet
from trippy_nb.display.cards import handles_sheet as handles_sheet
from trippy_nb.display.gather import card_from_tables as card_from_tables
from trippy_nb.display.gather import comparison_card as comparison_card
from trippy_nb.display.lens import lens_html as lens_html
from trippy_nb.display.lens import lens_sheet as lens_sheet
from trippy_nb.display.lens import lens_text as lens_text
from trippy_nb.display.progress import TraceProgress as TraceProgress
from trippy_nb.display.progress import in_notebook as in_notebook
from trippy_nb.display.sessions import sessions_sheet as sessions_sheet
