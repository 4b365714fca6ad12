"""How Sphinx builds this language of the guide."""

project = "Meze"
author = "The Meze authors"
language = "zh_CN"

extensions = ["myst_parser"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "Meze 指南"
html_show_copyright = False
html_copy_source = False
