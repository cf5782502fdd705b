"""What Streamlit runs for every visit; everything else is in modules that it imports once."""

from vigie_ui.shell import run

run()
