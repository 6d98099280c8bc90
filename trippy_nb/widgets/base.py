"""What every widget of ours is: state plus three ways to be shown, and closed as a whole."""

from typing import Any

import anywidget


class CardWidget(anywidget.AnyWidget):
    """A widget that shows its card where no widget can be shown.

    One display holds three forms: the live view, HTML that survives the sanitiser of an untrusted
    notebook, and plain text. A front end takes the best it can.
    """

    def __repr__(self) -> str:
        """Name the widget; ipywidgets' own repr serialises every trait, megabytes of probes here."""
        state = "" if self.comm is not None else ", closed"
        return f"<{type(self).__name__}: {self._summary()}{state}>"

    def _summary(self) -> str:
        raise NotImplementedError

    def _card_text(self) -> str:
        raise NotImplementedError

    def _card_html(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython's protocol
        plain = {"text/plain": self._card_text(), "text/html": self._card_html()}
        live = super()._repr_mimebundle_(**kwargs)
        if live is None:
            return plain, {}
        bundle, metadata = live
        return bundle | plain, metadata

    def close(self) -> None:
        """Close the view and its layout, which ipywidgets would keep in its registry for ever."""
        layout = self.layout
        super().close()
        layout.close()
