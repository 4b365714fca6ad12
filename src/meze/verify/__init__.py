"""`meze verify` and `meze explain`: the rules, judged a second time and apart from the code that serves them."""
